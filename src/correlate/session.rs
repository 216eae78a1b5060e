//! One client connection, from connect to disconnect, by host, program and process.

use hashbrown::HashMap;

use super::message::Origin;
use super::store::Slot;
use super::strings::Symbol;

/// A process that never disconnects must not be kept for ever: this many connections at once are
/// more than any server has; beyond it all are forgotten, which loses TLS versions and nothing else.
const MAX_SESSIONS: usize = 100_000;

/// What the lines of a connection told so far.
#[derive(Default)]
pub(super) struct Session {
    pub(super) tls_version: Option<Symbol>,
    /// P6: `NOQUEUE: client=`, the login before a proxy filter.
    pub(super) proxied: Option<Origin>,
    /// The message that is being handed in, and its number.
    pub(super) message: Option<(Slot, u32)>,
    /// The log has its beginning.
    pub(super) is_whole: bool,
    /// A line of it names a login.
    pub(super) has_login: bool,
    /// Wrong passwords that lines of it tell.
    pub(super) n_failures: u32,
    /// The client left in the middle of AUTH.
    pub(super) lost_in_auth: bool,
    /// Sendmail, OpenSMTPD: who it is, in lines before its messages.
    pub(super) said: Option<Said>,
}

/// What a connection said once, where the lines of its messages do not repeat it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Said {
    pub(super) client_name: Option<Symbol>,
    pub(super) client_ip: Option<Symbol>,
    pub(super) sasl_username: Option<Symbol>,
    pub(super) sasl_method: Option<Symbol>,
    pub(super) at_micros: i64,
}

/// Host, program, process.
pub(super) type SessionKey = (Symbol, Symbol, u32);

/// The connections that are open.
#[derive(Default)]
pub(super) struct Sessions {
    open: HashMap<SessionKey, Session>,
}

impl Sessions {
    /// T10: a new connection ends the old one of the same process, told or not.
    pub(super) fn connect(&mut self, key: SessionKey) -> Option<Session> {
        if self.open.len() >= MAX_SESSIONS {
            self.open.clear();
        }
        let session = Session {
            is_whole: true,
            ..Session::default()
        };
        self.open.insert(key, session)
    }

    pub(super) fn disconnect(&mut self, key: SessionKey) -> Option<Session> {
        self.open.remove(&key)
    }

    pub(super) fn get(&self, key: SessionKey) -> Option<&Session> {
        self.open.get(&key)
    }

    pub(super) fn get_mut(&mut self, key: SessionKey) -> Option<&mut Session> {
        self.open.get_mut(&key)
    }

    /// L8: a log that begins in the middle of a connection.
    pub(super) fn get_or_begin(&mut self, key: SessionKey) -> &mut Session {
        if self.open.len() >= MAX_SESSIONS && !self.open.contains_key(&key) {
            self.open.clear();
        }
        self.open.entry(key).or_default()
    }
}
