//! The use of the messaging limit of a portfolio: a sentence and a bar.

use maud::{Markup, html};

use crate::domain::MessagingLimit;
use crate::serve::status::portfolio::PortfolioStatus;
use crate::serve::status::words::grouped;

/// Used share of the limit from which the bar has the colour of a warning, as the alert
/// `WhatsAppMessagingLimitNearlyUsed` by default.
const NEARLY_USED: f64 = 0.8;

/// Draws nothing while messages are not read; the table of numbers shows the limit.
pub(super) fn draw(portfolio: &PortfolioStatus) -> Markup {
    html! {
        @if portfolio.coverage_ratio.is_some() {
            p.usage {
                span.quiet { "Portfolio " (portfolio.business_id) ": " } (sentence(portfolio))
                @if let Some(ratio) = portfolio.used_ratio.filter(|_| is_limited(portfolio)) {
                    meter min="0" max="1" low=(NEARLY_USED) high="1" optimum="0" value=(ratio.min(1.0)) aria-hidden="true" {}
                }
            }
        }
    }
}

fn is_limited(portfolio: &PortfolioStatus) -> bool {
    let limit = portfolio.messaging_limit.map(|limit| limit.0);
    matches!(limit, Some(MessagingLimit::Customers(_)))
}

/// `12,345 of 100,000 customers in 24 h (coverage 100 %)`.
fn sentence(portfolio: &PortfolioStatus) -> String {
    let limit = match portfolio.messaging_limit.map(|limit| limit.0) {
        Some(MessagingLimit::Customers(customers)) => format!(" of {}", grouped(customers)),
        Some(MessagingLimit::Unlimited) => " of unlimited".to_owned(),
        None => String::new(),
    };
    let Some(recipients) = portfolio.recipients else {
        let why = if portfolio.has_too_many_customers {
            "too many to count"
        } else {
            "number unknown, because no webhooks about messages are received"
        };
        return format!("customers in 24 h{limit}: {why}");
    };
    let coverage = portfolio.coverage_ratio.map_or(0.0, |share| share * 100.0);
    // Rounded down: 99.9 % is not complete.
    let percent = coverage.floor();
    format!(
        "{}{limit} customers in 24 h (coverage {percent}\u{a0}%)",
        grouped(recipients)
    )
}
