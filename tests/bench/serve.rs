//! What the bench's own servers share: a listener, a ready file, an end.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// Serves `answer` on a free port until standard input ends.
pub(crate) fn until_input_ends<A, F, B>(runtime: &Runtime, ready: &Path, answer: A)
where
    A: Fn(Request<Incoming>) -> F + Send + Sync + 'static,
    F: Future<Output = io::Result<Response<B>>> + Send + 'static,
    B: hyper::body::Body<Data: Send, Error: std::error::Error + Send + Sync> + Send + 'static,
{
    let (end, ended) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        drop(end);
    });
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        announce(ready, listener.local_addr().unwrap());
        let answer = Arc::new(answer);
        tokio::pin!(ended);
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = &mut ended => return,
            };
            let Ok((stream, _)) = accepted else {
                continue;
            };
            let _ = stream.set_nodelay(true);
            let answer = Arc::clone(&answer);
            drop(runtime.spawn(async move {
                let service = service_fn(move |request| answer(request));
                // A client that goes away ends its connection and nothing else.
                let _ = http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            }));
        }
    });
}

fn announce(ready: &Path, address: SocketAddr) {
    let unfinished = ready.with_extension("unfinished");
    std::fs::write(&unfinished, address.to_string()).expect("the ready file is written");
    std::fs::rename(&unfinished, ready).expect("the ready file is moved");
}
