//! What an event holds: JSON that is written and read at most once, when somebody wants it.

use std::fmt;
use std::ops::Deref;
use std::sync::{LazyLock, OnceLock};

use serde_json::Value;

type Lazy<T> = LazyLock<T, Box<dyn FnOnce() -> T + Send>>;

/// An item as its list shows it. It reads as a [`Value`].
pub struct Item {
    text: Lazy<String>,
    value: OnceLock<Value>,
}

impl Item {
    /// An item that is written already.
    pub(super) fn written(text: String) -> Self {
        Self::later(move || text)
    }

    /// An item that is written when it is wanted. What `write` holds goes then.
    pub(super) fn later(write: impl FnOnce() -> String + Send + 'static) -> Self {
        Self {
            text: LazyLock::new(Box::new(write)),
            value: OnceLock::new(),
        }
    }

    /// The item as JSON, in one line.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl From<Value> for Item {
    fn from(value: Value) -> Self {
        Self::written(value.to_string())
    }
}

impl Deref for Item {
    type Target = Value;

    fn deref(&self) -> &Value {
        self.value
            .get_or_init(|| serde_json::from_str(self.text()).unwrap_or_default())
    }
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text())
    }
}
