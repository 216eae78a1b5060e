//! What one line of a mail log can say: a closed list, in the words of Postfix and Dovecot.

use crate::mail::{Address, Client, EnhancedStatus, QueueId, Relay};

/// What a line says. Every line is exactly one of these; text is borrowed from the line.
#[derive(Debug, Clone, PartialEq)]
pub enum Event<'a> {
    /// smtpd(8), postscreen(8): `connect from host[ip]`.
    Connect { client: Client<'a> },
    /// smtpd(8): `disconnect from host[ip] ehlo=1 auth=0/1 … commands=2/3`.
    Disconnect(Disconnect<'a>),
    /// smtpd(8): `QID: client=…`, the beginning of a message; `NOQUEUE: client=…` before a proxy filter.
    Client(Box<Submission<'a>>),
    /// smtpd(8): `lost connection after DATA from …`, `timeout after …`, `too many errors after …`.
    LostConnection {
        queue_id: Option<QueueId<'a>>,
        client: Client<'a>,
        /// The SMTP command or state: `CONNECT`, `AUTH`, `DATA (1234 bytes)`.
        stage: &'a str,
        /// `lost connection`, `timeout`, `too many errors`, …
        reason: &'a str,
    },
    /// smtpd(8), smtp(8), tlsproxy(8): `Anonymous TLS connection established from|to …: TLSv1.3 with cipher …`.
    Tls(Box<Tls<'a>>),
    /// smtpd(8): `SASL LOGIN authentication failed`; Dovecot: `auth failed`, `Aborted login`, …; saslauthd.
    AuthFailure(Box<AuthFailure<'a>>),
    /// Dovecot: `imap-login: Login: user=<…>`: somebody opened a mailbox.
    Login(Box<Login<'a>>),
    /// pickup(8): `QID: uid=0 from=<root>`: submitted on this host through sendmail(1), no login.
    Pickup {
        queue_id: QueueId<'a>,
        uid: u32,
        from: Address<'a>,
        /// The ID it had before postsuper(1) requeued it.
        orig_queue_id: Option<QueueId<'a>>,
    },
    /// cleanup(8): `QID: message-id=<…>` or `resent-message-id=<…>`.
    MessageId {
        queue_id: QueueId<'a>,
        message_id: &'a str,
        resent: bool,
    },
    /// qmgr(8): `QID: from=<…>, size=…, nrcpt=… (queue active)`. Logged again at every retry.
    Queued {
        queue_id: QueueId<'a>,
        from: Address<'a>,
        size: Option<u64>,
        nrcpt: Option<u32>,
    },
    /// smtp(8), lmtp(8), local(8), virtual(8), pipe(8), error(8), …: one recipient tried.
    Delivery(Box<Delivery<'a>>),
    /// qmgr(8): `QID: from=<…>, status=expired, returned to sender`: all that is left is given up.
    Expired {
        queue_id: QueueId<'a>,
        from: Address<'a>,
        /// `expired` or `force-expired`.
        status: &'a str,
    },
    /// qmgr(8): `QID: removed`; the end of a message. Postfix 3.10 adds `(canceled)` or `(discarded)`.
    Removed {
        queue_id: QueueId<'a>,
        how: Option<&'a str>,
    },
    /// bounce(8): `QID: sender non-delivery notification: NEW`.
    Notification {
        queue_id: QueueId<'a>,
        kind: NotificationKind,
        /// The queue ID of the notification itself. `None`: it failed (Postfix 3.11).
        child: Option<QueueId<'a>>,
    },
    /// smtpd(8), cleanup(8), postscreen(8), a milter: something was refused, held, redirected, ….
    Reject(Box<Reject<'a>>),
    /// smtp(8): `QID: host mx[ip] said: 421 …`, `QID: conversation with … timed out`, or the same without a queue ID.
    RemoteTrouble {
        queue_id: Option<QueueId<'a>>,
        relay: Relay<'a>,
        reason: &'a str,
    },
    /// postsuper(1): `QID: removed`, `placed on hold`, `released from hold`, `requeued`, `expired`.
    Superuser {
        queue_id: QueueId<'a>,
        action: SuperuserAction,
    },
    /// smtpd(8) before a proxy filter: `proxy-accept: END-OF-MESSAGE: 250 … queued as NEW; from=<> to=<>`.
    ProxyAccept {
        queue_id: Option<QueueId<'a>>,
        reply: &'a str,
        /// The queue ID that the filter's own submission got, when the reply tells it.
        queued_as: Option<QueueId<'a>>,
        from: Option<Address<'a>>,
        to: Option<Address<'a>>,
    },
    /// A mailbox server stored a message: `lmtp(user)<pid><session>: msgid=<…>: saved mail to INBOX`.
    Stored {
        user: &'a str,
        message_id: Option<&'a str>,
        action: &'a str,
    },
    /// A content filter's or milter's verdict on a message: amavis, OpenDKIM, OpenDMARC, rspamd, policyd-spf ….
    Verdict(Box<Verdict<'a>>),
    /// postscreen(8), dnsblog(8), tlsproxy(8): what a connecting client did or was, before smtpd.
    Screening {
        client: Client<'a>,
        /// `PASS NEW`, `PREGREET`, `DNSBL`, `HANGUP`, `listed`, ….
        what: &'a str,
        detail: &'a str,
    },
    /// anvil(8), scache(8), qmgr(8): `statistics: …`. The text holds an older date: never a time.
    Statistics { text: &'a str },
    /// `warning: …`, `error: …`, `fatal: …`, `panic: …` of a mail program.
    Warning {
        queue_id: Option<QueueId<'a>>,
        /// The client that it is about, where the line names one.
        client: Option<Client<'a>>,
        level: WarningLevel,
        text: &'a str,
    },
    /// master(8), postfix-script, a daemon's start, stop, reload; housekeeping without a message.
    Service { text: &'a str },
    /// The logging system says that lines are missing: rate limit, `messages lost`.
    LinesLost { n_lines: Option<u64>, text: &'a str },
    /// `last message repeated N times`: the previous line of that program, again.
    Repeated { n_times: u32 },
    /// A line of a mail program about a known matter without consequences for a message.
    Note {
        queue_id: Option<QueueId<'a>>,
        /// The client that it is about, where the line names one.
        client: Option<Client<'a>>,
        text: &'a str,
    },
    /// A line of a mail program that no rule understands. Counted in every answer.
    Unknown,
    /// A line of a program that is not about mail.
    Other,
}

/// The counters at the end of `disconnect from`; all zero where an old Postfix does not log them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Disconnect<'a> {
    pub client: Client<'a>,
    /// Commands accepted, and tried: `auth=0/1` is (0, 1).
    pub auth: (u32, u32),
    pub mail: (u32, u32),
    pub rcpt: (u32, u32),
    pub data: (u32, u32),
    pub commands: (u32, u32),
}

/// Who handed a message in: smtpd's `client=` line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Submission<'a> {
    /// `None` for `NOQUEUE`.
    pub queue_id: Option<QueueId<'a>>,
    pub client: Client<'a>,
    pub sasl_method: Option<&'a str>,
    pub sasl_username: Option<&'a str>,
    pub sasl_sender: Option<&'a str>,
    /// XFORWARD: the queue ID before the content filter.
    pub orig_queue_id: Option<QueueId<'a>>,
    /// XFORWARD: the client before the content filter.
    pub orig_client: Option<Client<'a>>,
    /// Exim, Sendmail and OpenSMTPD say in this line what Postfix's cleanup and qmgr say later.
    pub from: Option<Address<'a>>,
    pub message_id: Option<&'a str>,
    pub size: Option<u64>,
    pub nrcpt: Option<u32>,
    pub proto: Option<&'a str>,
    pub helo: Option<&'a str>,
    /// Handed in on this host, through sendmail(1) or what stands for it.
    pub is_local: bool,
}

/// A TLS session, with us as server (`inbound`) or as client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tls<'a> {
    pub queue_id: Option<QueueId<'a>>,
    pub inbound: bool,
    pub peer: Client<'a>,
    /// `Anonymous`, `Untrusted`, `Trusted`, `Verified`.
    pub trust: &'a str,
    pub tls_version: &'a str,
    pub tls_cipher: &'a str,
}

/// A password (or another proof) that was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AuthFailure<'a> {
    /// `smtp`, `imap`, `pop3`, `submission`, `managesieve`, `auth`.
    pub protocol: &'a str,
    pub client: Client<'a>,
    pub sasl_method: Option<&'a str>,
    /// Only when the log names it: a base64 prompt (`UGFzc3dvcmQ6`) is not a name.
    pub sasl_username: Option<&'a str>,
    pub reason: &'a str,
    /// The server's own fault (`Connection lost to authentication server`): no guess was judged.
    pub own_fault: bool,
    /// Attempts that this one line stands for (`auth failed, 3 attempts`).
    pub attempts: u32,
}

/// A mailbox opened with a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Login<'a> {
    /// `imap`, `pop3`, `submission`, `managesieve`.
    pub protocol: &'a str,
    pub sasl_username: &'a str,
    pub sasl_method: Option<&'a str>,
    pub client_ip: Option<&'a str>,
    pub tls: bool,
}

/// One attempt for one recipient.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Delivery<'a> {
    pub queue_id: QueueId<'a>,
    pub to: Address<'a>,
    /// Sendmail tells of several recipients in one line: `,<c@x>,<d@x>`, as logged.
    pub also_to: &'a str,
    pub orig_to: Option<Address<'a>>,
    pub relay: Relay<'a>,
    /// Seconds since the message arrived.
    pub delay: Option<f64>,
    /// Seconds before the queue manager, in it, in connecting, in transmission.
    pub delays: Option<[f64; 4]>,
    pub dsn: Option<EnhancedStatus>,
    /// The word after `status=`.
    pub status: &'a str,
    /// The text in the outer parentheses.
    pub reason: &'a str,
}

/// What a notification reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NotificationKind {
    /// `sender non-delivery notification`
    Bounce,
    /// `sender delay notification`
    Delay,
    /// `sender delivery status notification`
    Success,
    /// `postmaster non-delivery notification`, `postmaster delay notification`
    Postmaster,
}

/// What the administrator did with postsuper(1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SuperuserAction {
    Removed,
    Held,
    Released,
    Requeued,
    Expired,
}

/// How bad the program itself says it is (msg(3)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WarningLevel {
    Warning,
    Error,
    Fatal,
    Panic,
}

/// A refusal, or another action of a restriction, an access table, a header check or a milter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reject<'a> {
    /// `None` for `NOQUEUE`: no recipient had been accepted.
    pub queue_id: Option<QueueId<'a>>,
    /// `reject`, `reject_warning`, `hold`, `discard`, `redirect`, `filter`, `prepend`, `bcc`, `warn`, `milter-reject`, ….
    pub action: &'a str,
    /// `CONNECT`, `HELO`, `MAIL`, `RCPT`, `DATA`, `END-OF-MESSAGE`, `header`, `body`, ….
    pub stage: &'a str,
    pub client: Client<'a>,
    pub reply_code: Option<u16>,
    pub dsn: Option<EnhancedStatus>,
    pub reason: &'a str,
    /// The header or body line that a check matched, cut by Postfix at 200 bytes.
    pub content: Option<&'a str>,
    pub class: RejectClass,
    /// The list's domain when a DNSBL is the reason.
    pub dnsbl: Option<&'a str>,
    pub from: Option<Address<'a>>,
    pub to: Option<Address<'a>>,
    pub proto: Option<&'a str>,
    pub helo: Option<&'a str>,
    /// Postfix 3.2 and 3.10 on.
    pub sasl_method: Option<&'a str>,
    pub sasl_username: Option<&'a str>,
    pub sasl_sender: Option<&'a str>,
}

/// Why something was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum RejectClass {
    RelayDenied,
    Dnsbl,
    Helo,
    UnknownRecipient,
    RecipientRefused,
    SenderRefused,
    SenderLoginMismatch,
    ClientRefused,
    /// `cannot find your hostname`, `cannot find your reverse hostname`.
    ClientName,
    Greylisted,
    RateLimit,
    Size,
    Content,
    Quota,
    Policy,
    Protocol,
    /// The server's own trouble: lookup error, insufficient storage, configuration.
    OwnTrouble,
    #[default]
    Other,
}

impl RejectClass {
    /// All of them, in the order of their numbers in the tables.
    pub const ALL: [Self; 18] = [
        Self::RelayDenied,
        Self::Dnsbl,
        Self::Helo,
        Self::UnknownRecipient,
        Self::RecipientRefused,
        Self::SenderRefused,
        Self::SenderLoginMismatch,
        Self::ClientRefused,
        Self::ClientName,
        Self::Greylisted,
        Self::RateLimit,
        Self::Size,
        Self::Content,
        Self::Quota,
        Self::Policy,
        Self::Protocol,
        Self::OwnTrouble,
        Self::Other,
    ];

    /// For a table that a person reads.
    pub fn as_words(self) -> &'static str {
        match self {
            Self::RelayDenied => "relaying denied",
            Self::Dnsbl => "on a block list (DNSBL)",
            Self::Helo => "HELO name",
            Self::UnknownRecipient => "unknown recipient",
            Self::RecipientRefused => "recipient refused",
            Self::SenderRefused => "sender refused",
            Self::SenderLoginMismatch => "sender does not belong to the login",
            Self::ClientRefused => "client refused",
            Self::ClientName => "client without a host name",
            Self::Greylisted => "greylisted",
            Self::RateLimit => "too much, too fast",
            Self::Size => "message too large",
            Self::Content => "header, body or content",
            Self::Quota => "mailbox full",
            Self::Policy => "policy",
            Self::Protocol => "SMTP protocol",
            Self::OwnTrouble => "this server's own trouble",
            Self::Other => "other reason",
        }
    }
}

/// What a content filter or milter says of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verdict<'a> {
    pub queue_id: Option<QueueId<'a>>,
    pub message_id: Option<&'a str>,
    /// amavis: the queue ID under which the message came back to Postfix.
    pub queued_as: Option<QueueId<'a>>,
    /// The program's own words: `Passed CLEAN`, `Blocked SPAM`, `DKIM-Signature field added`.
    pub text: &'a str,
}

impl Event<'_> {
    /// The name in the `event` field of a record; the list in docs/events.md is this one.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Connect { .. } => "connect",
            Self::Disconnect(_) => "disconnect",
            Self::Client(_) => "client",
            Self::LostConnection { .. } => "lost_connection",
            Self::Tls(_) => "tls",
            Self::AuthFailure(_) => "auth_failure",
            Self::Login(_) => "login",
            Self::Pickup { .. } => "pickup",
            Self::MessageId { .. } => "message_id",
            Self::Queued { .. } => "queued",
            Self::Delivery(_) => "delivery",
            Self::Expired { .. } => "expired",
            Self::Removed { .. } => "removed",
            Self::Notification { .. } => "notification",
            Self::Reject(_) => "reject",
            Self::RemoteTrouble { .. } => "remote_trouble",
            Self::Superuser { .. } => "superuser",
            Self::ProxyAccept { .. } => "proxy_accept",
            Self::Stored { .. } => "stored",
            Self::Verdict(_) => "verdict",
            Self::Screening { .. } => "screening",
            Self::Statistics { .. } => "statistics",
            Self::Warning { .. } => "warning",
            Self::Service { .. } => "service",
            Self::LinesLost { .. } => "lines_lost",
            Self::Repeated { .. } => "repeated",
            Self::Note { .. } => "note",
            Self::Unknown => "unknown",
            Self::Other => "other",
        }
    }

    /// The queue ID that the line is about, if any.
    pub fn queue_id(&self) -> Option<QueueId<'_>> {
        match self {
            Self::Client(submission) => submission.queue_id,
            Self::Tls(tls) => tls.queue_id,
            Self::Delivery(delivery) => Some(delivery.queue_id),
            Self::Reject(reject) => reject.queue_id,
            Self::Verdict(verdict) => verdict.queue_id,
            Self::LostConnection { queue_id, .. }
            | Self::RemoteTrouble { queue_id, .. }
            | Self::ProxyAccept { queue_id, .. }
            | Self::Warning { queue_id, .. }
            | Self::Note { queue_id, .. } => *queue_id,
            Self::Pickup { queue_id, .. }
            | Self::MessageId { queue_id, .. }
            | Self::Queued { queue_id, .. }
            | Self::Expired { queue_id, .. }
            | Self::Removed { queue_id, .. }
            | Self::Notification { queue_id, .. }
            | Self::Superuser { queue_id, .. } => Some(*queue_id),
            Self::Connect { .. }
            | Self::Disconnect(_)
            | Self::AuthFailure(_)
            | Self::Login(_)
            | Self::Stored { .. }
            | Self::Screening { .. }
            | Self::Statistics { .. }
            | Self::Service { .. }
            | Self::LinesLost { .. }
            | Self::Repeated { .. }
            | Self::Unknown
            | Self::Other => None,
        }
    }
}
