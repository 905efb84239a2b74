//! Countersign: no call reaches infrastructure unless a token says that exactly this tool with exactly
//! these parameters was approved. One binary: servers, client commands and the console.
#![expect(
    clippy::doc_markdown,
    reason = "doc comments of arguments are the help texts of a terminal"
)]

mod args;
mod audit;
mod client;
mod commands;
mod console;
mod data;
mod failure;
mod output;
mod proof;
mod settings;
mod sse;
mod start;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::Cli;
use crate::output::Form;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers; everything else is a usage error.
            let code = if error.use_stderr() {
                failure::USAGE
            } else {
                0
            };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let form = if cli.global.json {
        Form::Json
    } else {
        Form::Text
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            output::note(&format!("countersign: cannot start: {error}"));
            return ExitCode::from(failure::COULD_NOT);
        }
    };
    let result = runtime.block_on(Box::pin(commands::run(cli)));
    // Blocking file operations that nobody waits for must not hold the process.
    runtime.shutdown_background();
    output::finish(result, form)
}
