//! Every column's name, and what its numbers mean. Texts are symbols of [`crate::correlate::Strings`].

/// The message's number in this run; a key of `messages`.
pub const MESSAGE: &str = "message";
/// Number of the message that was handed in, before filters and aliases.
pub const SUBMISSION: &str = "submission";
pub const QUEUE_ID: &str = "queue_id";
pub const HOST: &str = "host";
/// Microseconds since the epoch.
pub const FIRST_SEEN: &str = "first_seen";
pub const LAST_SEEN: &str = "last_seen";
/// Minutes east of UTC with which the log wrote `first_seen`.
pub const OFFSET_MINUTES: &str = "offset_minutes";
/// Digits of the fraction of a second with which the log wrote it.
pub const DIGITS: &str = "digits";
/// [`crate::correlate::OriginKind`] as a number.
pub const ORIGIN: &str = "origin";
pub const CLIENT_NAME: &str = "client_name";
pub const CLIENT_IP: &str = "client_ip";
pub const SASL_USERNAME: &str = "sasl_username";
pub const SASL_METHOD: &str = "sasl_method";
pub const TLS_VERSION: &str = "tls_version";
pub const FROM: &str = "from";
/// Equal for equal message-ids; 0 where there is none.
pub const MESSAGE_ID_HASH: &str = "message_id_hash";
/// [`crate::correlate::Proof`] as a number.
pub const PROOF: &str = "proof";
pub const SIZE: &str = "size";
/// The server took responsibility for it.
pub const ACCEPTED: &str = "accepted";
pub const STILL_QUEUED: &str = "still_queued";
/// Recipients that the queue manager counted and no line named.
pub const UNTOLD: &str = "untold";
/// Notifications that this server made about the message.
pub const BOUNCES: &str = "bounces";
/// Of a notification: the login whose message it reports on.
pub const BOUNCED_ACCOUNT: &str = "bounced_account";
/// Where the line stands that told the message's beginning.
pub const FILE: &str = "file";
pub const LINE: &str = "line";
/// Where the queue manager's first line stands.
pub const QUEUED_FILE: &str = "queued_file";
pub const QUEUED_LINE: &str = "queued_line";

pub const TO: &str = "to";
/// The recipient before aliases; null where it is the same.
pub const ORIG_TO: &str = "orig_to";
pub const PROVIDER: &str = "provider";
/// [`crate::mail::Status`] as a number.
pub const STATUS: &str = "status";
/// [`crate::knowledge::replies::ReplyClass`] as a number.
pub const REPLY: &str = "reply";
/// Delivered on this host: a mailbox, a command, a mailbox server behind a socket.
pub const IS_LOCAL: &str = "is_local";
pub const RELAY_NAME: &str = "relay_name";
pub const RELAY_IP: &str = "relay_ip";
pub const ATTEMPTS: &str = "attempts";
pub const LAST_ATTEMPT: &str = "last_attempt";

pub const TIMESTAMP: &str = "timestamp";
pub const PROTOCOL: &str = "protocol";
pub const SUCCEEDED: &str = "succeeded";
pub const OWN_FAULT: &str = "own_fault";
/// What the line stands for: `message repeated N times`, `N attempts`.
pub const TIMES: &str = "times";

/// [`crate::correlate::ListingKind`] as a number.
pub const KIND: &str = "kind";
/// [`crate::event::RejectClass`] as a number.
pub const CLASS: &str = "class";
pub const PROGRAM: &str = "program";
/// 0 where the log gives none.
pub const REPLY_CODE: &str = "reply_code";
pub const IS_WARNING: &str = "is_warning";
pub const DNSBL: &str = "dnsbl";
pub const HELO: &str = "helo";
