//! What the name of the login says by itself.

use serde_json::json;

use crate::detect::compromised_account::account::Account;
use crate::detect::compromised_account::{DETECTOR, names};
use crate::finding::Signal;

pub(super) fn signals(account: &Account<'_>) -> Vec<Option<Signal>> {
    vec![name(account), odd_form(account)]
}

fn name(account: &Account<'_>) -> Option<Signal> {
    let login = account.name;
    if names::is_system(login) {
        let detail = format!("{login} is a system account: nobody has a mail program for it");
        DETECTOR.signal("system-login", detail, json!({ "sasl_username": login }))
    } else if names::is_guessable(login) {
        let detail = format!("{login} is a name that guessers try first");
        DETECTOR.signal("guessable-login", detail, json!({ "sasl_username": login }))
    } else {
        None
    }
}

fn odd_form(account: &Account<'_>) -> Option<Signal> {
    let others = account.neighbourhood.others_with_domain(account.name)?;
    let detail = format!(
        "{} is a bare name; the {others} other logins here are whole addresses",
        account.name
    );
    DETECTOR.signal("odd-form", detail, json!({ "others": others }))
}
