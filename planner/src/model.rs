//! Language models as planners: one question, at most one repair, and an answer that is believed in
//! nothing (SECURITY-DESIGN I37).
//!
//! Whatever the provider, the model's text reaches the strict reader and nothing else; an answer with an
//! unknown tool, an unknown member or parameters outside a tool's schema is no plan.

mod answer;
mod anthropic;
mod ollama;
mod openai;
mod prompt;
mod sanitize;
mod schema;
mod wire;

use std::time::Duration;

use countersign_service::client;
use countersign_service::credential::SecretKey;
use countersign_service::random::Random;
use reqwest::Client;
use serde_json::Value;

use crate::run::event::ProposedStep;
use crate::run::view::Sense;
use crate::tools::Toolbox;

/// Which protocol a model's server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// Ollama: `POST /api/chat`.
    Ollama,
    /// `OpenAI`, or a server that speaks its protocol: `POST /v1/chat/completions`.
    OpenAi,
    /// Anthropic: `POST /v1/messages`.
    Anthropic,
}

impl Provider {
    /// The address that is asked when none is configured.
    pub const fn default_base_url(self) -> &'static str {
        match self {
            Self::Ollama => "http://127.0.0.1:11434",
            Self::OpenAi => "https://api.openai.com",
            Self::Anthropic => "https://api.anthropic.com",
        }
    }
}

/// A text that names no provider.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no model provider: write `ollama`, `openai` or `anthropic`")]
pub struct UnknownProvider(String);

impl std::str::FromStr for Provider {
    type Err = UnknownProvider;

    fn from_str(text: &str) -> Result<Self, UnknownProvider> {
        match text {
            "ollama" => Ok(Self::Ollama),
            "openai" => Ok(Self::OpenAi),
            "anthropic" => Ok(Self::Anthropic),
            other => Err(UnknownProvider(other.to_owned())),
        }
    }
}

/// How a model is reached.
#[derive(Clone, Debug)]
pub struct ModelConfig {
    /// Its protocol.
    pub provider: Provider,
    /// The server's address; [`Provider::default_base_url`] when `None`.
    pub base_url: Option<String>,
    /// The model's name at the provider.
    pub model: String,
    /// The provider's key, where it asks for one.
    pub api_key: Option<SecretKey>,
    /// How long one answer may take.
    pub timeout: Duration,
}

/// A configured model.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    client: Client,
    config: ModelConfig,
    base: String,
    random: Random,
}

/// What the model is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    /// The run's goal.
    pub(crate) goal: &'a str,
    /// What was read.
    pub(crate) sense: &'a Sense,
    /// Why earlier plans of the run failed.
    pub(crate) setbacks: &'a [String],
    /// What may be proposed.
    pub(crate) tools: &'a Toolbox,
}

/// A turn of the conversation.
#[derive(Clone, Debug)]
struct Message {
    role: Speaker,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speaker {
    User,
    Model,
}

impl Speaker {
    const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Model => "assistant",
        }
    }
}

/// One request to a provider.
#[derive(Clone, Debug)]
struct Prompt {
    system: String,
    messages: Vec<Message>,
    schema: Value,
}

/// Why the model brought no plan.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ModelError {
    /// It does not answer in time, or at all.
    #[error("the model at `{base}` does not answer: {message}")]
    Unreachable {
        /// Where it was asked.
        base: String,
        /// What happened.
        message: String,
    },
    /// The provider answered an error.
    #[error("the model's provider answered {status}")]
    Status {
        /// Its HTTP status.
        status: u16,
    },
    /// The provider's envelope is not that of its protocol, or too large.
    #[error("the model's provider answered something else than its protocol says: {0}")]
    Envelope(String),
    /// Twice no plan.
    #[error("the model's answer is no plan, also after one repair: {0}")]
    NoPlan(String),
}

impl ModelError {
    /// The stable code.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } | Self::Status { .. } | Self::Envelope(_) => {
                "model_unavailable"
            }
            Self::NoPlan(_) => "model_answer_rejected",
        }
    }
}

impl Model {
    /// A model reached as `config` says.
    ///
    /// # Errors
    /// When the HTTP client cannot be set up.
    pub(crate) fn new(config: ModelConfig, random: Random) -> Result<Self, client::ClientError> {
        let client = client::external(config.timeout)?;
        let base = config.base_url.clone();
        let base = base.unwrap_or_else(|| config.provider.default_base_url().to_owned());
        Ok(Self {
            client,
            base: base.trim_end_matches('/').to_owned(),
            config,
            random,
        })
    }

    /// The model's name.
    pub(crate) fn name(&self) -> &str {
        &self.config.model
    }

    /// Asks for a plan; an answer that is none is sent back once, with what is wrong with it.
    pub(crate) async fn plan(
        &self,
        question: &Question<'_>,
    ) -> Result<Vec<ProposedStep>, ModelError> {
        let fence = prompt::fence(&self.random);
        let mut prompt = Prompt {
            system: prompt::system(&fence, question.tools),
            messages: vec![Message {
                role: Speaker::User,
                text: prompt::plan(&fence, question),
            }],
            schema: schema::of_plan(question.tools),
        };
        let first = self.ask(&prompt).await?;
        let errors = match answer::read(&first, question.tools) {
            Ok(steps) => return Ok(steps),
            Err(errors) => errors,
        };
        tracing::info!(
            model.errors = errors.len(),
            "the model's answer is no plan; asking once more"
        );
        prompt.messages.push(Message {
            role: Speaker::Model,
            text: sanitize::text(&first, 16_000),
        });
        prompt.messages.push(Message {
            role: Speaker::User,
            text: prompt::repair(&fence, &errors),
        });
        let second = self.ask(&prompt).await?;
        answer::read(&second, question.tools)
            .map_err(|errors| ModelError::NoPlan(sanitize::line(&errors.join("; "), 400)))
    }

    async fn ask(&self, prompt: &Prompt) -> Result<String, ModelError> {
        match self.config.provider {
            Provider::Ollama => ollama::ask(self, prompt).await,
            Provider::OpenAi => openai::ask(self, prompt).await,
            Provider::Anthropic => anthropic::ask(self, prompt).await,
        }
    }
}
