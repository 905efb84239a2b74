//! Names of things in the mini cloud, one type per kind.

use std::borrow::Borrow;
use std::fmt;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) struct $name(String);

        impl $name {
            pub(crate) fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            pub(crate) fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

text_id! {
    /// A service, for example `payments`.
    ServiceId
}
text_id! {
    /// A database, for example `prod_db`.
    DatabaseId
}
text_id! {
    /// A stored copy of a database.
    BackupId
}
text_id! {
    /// A person with an account in the mini cloud.
    UserId
}
text_id! {
    /// One opening of an alert; a cause that persists gets a new one.
    AlertId
}
text_id! {
    /// One injected fault.
    FaultId
}

/// Mints short ids that stay unique across starts: a prefix, the second of the start, a number.
#[derive(Clone, Debug)]
pub(crate) struct Minter {
    prefix: &'static str,
    start: String,
    next: u64,
}

impl Minter {
    pub(crate) fn new(prefix: &'static str, start_second: i64) -> Self {
        Self {
            prefix,
            start: base36(start_second.unsigned_abs()),
            next: 1,
        }
    }

    pub(crate) fn mint(&mut self) -> String {
        let id = format!("{}-{}-{}", self.prefix, self.start, self.next);
        self.next += 1;
        id
    }
}

fn base36(mut value: u64) -> String {
    let mut text = Vec::new();
    loop {
        text.push(
            u32::try_from(value % 36)
                .ok()
                .and_then(|d| char::from_digit(d, 36)),
        );
        value /= 36;
        if value == 0 {
            return text.into_iter().rev().flatten().collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minted_ids_count_up_and_carry_the_start() {
        let mut minter = Minter::new("alr", 1_763_726_400);
        assert_eq!(minter.mint(), "alr-t62s00-1");
        assert_eq!(minter.mint(), "alr-t62s00-2");
        assert_eq!(base36(0), "0");
    }
}
