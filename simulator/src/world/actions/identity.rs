//! Accounts and API keys.

use jiff::Timestamp;

use super::ENFORCER;
use crate::world::identity::{ApiKey, Lock, NewUser, User};
use crate::world::ids::UserId;
use crate::world::{ActionError, World};

// === impl World ===

impl World {
    /// Creates an account.
    ///
    /// # Errors
    ///
    /// `Conflict` when the id is taken.
    pub(crate) fn create_user(
        &mut self,
        now: Timestamp,
        new: NewUser,
    ) -> Result<User, ActionError> {
        self.advance(now);
        if self.users.contains_key(new.id.as_str()) {
            return Err(ActionError::Conflict(format!(
                "user `{}` exists already",
                new.id
            )));
        }
        let user = User {
            id: UserId::new(new.id),
            name: new.name,
            email: new.email,
            role: new.role,
            lock: Lock::Open,
            created_at: self.now,
            password_resets: 0,
        };
        self.users.insert(user.id.clone(), user.clone());
        self.record(
            ENFORCER,
            "user.create",
            user.id.as_str(),
            Some(user.role.clone()),
        );
        self.settle();
        Ok(user)
    }

    /// Removes an account.
    ///
    /// # Errors
    ///
    /// `Unknown` for no such user.
    pub(crate) fn remove_user(&mut self, now: Timestamp, id: &str) -> Result<User, ActionError> {
        self.advance(now);
        let user = self
            .users
            .remove(id)
            .ok_or_else(|| ActionError::unknown("user", id))?;
        self.record(ENFORCER, "user.remove", id, None);
        self.settle();
        Ok(user)
    }

    /// Gives an account another role.
    ///
    /// # Errors
    ///
    /// `Unknown` for no such user.
    pub(crate) fn change_role(
        &mut self,
        now: Timestamp,
        id: &str,
        role: String,
    ) -> Result<User, ActionError> {
        self.change_user(now, id, "user.role", |user| {
            user.role.clone_from(&role);
            Ok(Some(role))
        })
    }

    /// Makes the old password useless; the person gets a link by mail.
    ///
    /// # Errors
    ///
    /// `Unknown` for no such user.
    pub(crate) fn reset_password(&mut self, now: Timestamp, id: &str) -> Result<User, ActionError> {
        self.change_user(now, id, "user.password_reset", |user| {
            user.password_resets += 1;
            Ok(None)
        })
    }

    /// Stops an account from signing in, or lets it again.
    ///
    /// # Errors
    ///
    /// `Unknown` for no such user, `Conflict` when it is so already.
    pub(crate) fn set_lock(
        &mut self,
        now: Timestamp,
        id: &str,
        lock: Lock,
    ) -> Result<User, ActionError> {
        let (action, word) = match lock {
            Lock::Locked => ("user.lock", "locked"),
            Lock::Open => ("user.unlock", "unlocked"),
        };
        self.change_user(now, id, action, |user| {
            if user.lock == lock {
                return Err(ActionError::Conflict(format!(
                    "user `{}` is {word} already",
                    user.id
                )));
            }
            user.lock = lock;
            Ok(None)
        })
    }

    /// Replaces the API key of a service.
    ///
    /// # Errors
    ///
    /// `Unknown` when the target has no key.
    pub(crate) fn rotate_key(&mut self, now: Timestamp, id: &str) -> Result<ApiKey, ActionError> {
        self.advance(now);
        let key = self
            .keys
            .get_mut(id)
            .ok_or_else(|| ActionError::unknown("API key of", id))?;
        key.rotations += 1;
        key.rotated_at = self.now;
        let key = key.clone();
        self.record(ENFORCER, "key.rotate", id, None);
        self.settle();
        Ok(key)
    }

    fn change_user(
        &mut self,
        now: Timestamp,
        id: &str,
        action: &'static str,
        change: impl FnOnce(&mut User) -> Result<Option<String>, ActionError>,
    ) -> Result<User, ActionError> {
        self.advance(now);
        let user = self
            .users
            .get_mut(id)
            .ok_or_else(|| ActionError::unknown("user", id))?;
        let detail = change(user)?;
        let user = user.clone();
        self.record(ENFORCER, action, id, detail);
        self.settle();
        Ok(user)
    }
}
