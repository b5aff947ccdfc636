//! Signed deliveries of two statuses each, as one HTTP request per delivery.

use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The app secret of both servers.
pub const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// The account of the deliveries.
pub const WABA_ID: &str = "800100200300400";
/// Header of the signature.
pub const SIGNATURE: &str = "x-hub-signature-256";

/// Number of customers, who send in turn. At most 100,000 customers of a phone number are kept.
const CUSTOMERS: u64 = 50_000;

/// Makes deliveries. Each of them is new, unless they are repeated.
pub struct Deliveries {
    keyed: Hmac<Sha256>,
    next: u64,
    /// The only request, if it is repeated.
    repeated: Option<Vec<u8>>,
}

impl Deliveries {
    /// Deliveries whose message ids have all been unused before.
    pub fn different() -> Self {
        let seconds = now_seconds();
        Self {
            keyed: Hmac::new_from_slice(SECRET.as_bytes()).expect("any key"),
            next: seconds * 10_000_000,
            repeated: None,
        }
    }

    /// The same delivery again and again.
    pub fn repeated() -> Self {
        let mut deliveries = Self::different();
        deliveries.repeated = Some(deliveries.next_request());
        deliveries
    }

    /// The next delivery as an HTTP request.
    pub fn next_request(&mut self) -> Vec<u8> {
        if let Some(repeated) = &self.repeated {
            return repeated.clone();
        }
        let number = self.next;
        self.next += 2;
        let statuses = [(number, "sent"), (number + 1, "delivered")];
        let [sent, delivered] = statuses.map(|(number, status)| status_json(number, status));
        let body = format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"{WABA_ID}","changes":[{{"value":{{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"15550100199","phone_number_id":"900100200300400"}},"statuses":[{sent},{delivered}]}},"field":"messages"}}]}}]}}"#
        );
        let mut mac = self.keyed.clone();
        mac.update(body.as_bytes());
        let signature = hex::encode(mac.finalize().into_bytes());
        let length = body.len();
        format!(
            "POST /webhook HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{SIGNATURE}: sha256={signature}\r\n\r\n{body}"
        )
        .into_bytes()
    }
}

/// A status with all fields that Meta sends today.
fn status_json(number: u64, status: &str) -> String {
    let customer = number % CUSTOMERS;
    let at = now_seconds();
    format!(
        r#"{{"id":"wamid.HBgLMTU1NTAxMDAxMTEVAgARGBI{number:020}AA==","status":"{status}","timestamp":"{at}","recipient_id":"1555{customer:08}","conversation":{{"id":"{number:032x}","expiration_timestamp":"{at}","origin":{{"type":"marketing"}}}},"pricing":{{"billable":true,"pricing_model":"PMP","category":"marketing","type":"regular"}}}}"#
    )
}

fn now_seconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("a clock after 1970").as_secs()
}
