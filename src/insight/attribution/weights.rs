//! The constants of the formula. A weight is the likelihood of the cause if its evidence has the greatest strength and
//! is the only evidence.

/// Meta itself reports that customers dislike the template. Not higher, because several numbers may send a template.
pub const TEMPLATE_RATING: f64 = 0.7;

/// A low read rate is one of the two reasons that Meta gives for a low rating of a template.
pub const READ_RATE: f64 = 0.5;

/// Opt-outs are the only refusals that Meta reports one by one, but a day's opt-outs name no template.
pub const OPT_OUTS_AFTER_SENDS: f64 = 0.45;

/// Failures for recipients without WhatsApp or without interest indicate a poor list of recipients, but often have
/// other causes.
pub const FAILURES_AFTER_SENDS: f64 = 0.3;

/// Most large campaigns are harmless, so a jump alone is weak evidence.
pub const VOLUME_JUMP: f64 = 0.15;

/// Opt-outs that follow no template in particular.
pub const OPT_OUTS: f64 = 0.3;

/// Failures that follow no template in particular.
pub const FAILURES: f64 = 0.2;

/// Customers who wait for long may block a number, but most write again.
pub const RESPONSE_TIME: f64 = 0.35;

/// Customers who give up in a conversation rarely block the number.
pub const JOURNEY_DROP_OFF: f64 = 0.3;

/// Strength of a YELLOW rating, where RED, a pause and a disabling are 1: many templates become YELLOW now and then.
pub const YELLOW: f64 = 0.6;

/// Causes below this score are noise.
pub const MIN_SCORE: f64 = 0.08;

/// Evidence whose weight times its strength is below this is noise.
pub const MIN_EVIDENCE: f64 = 0.02;

/// Score from which a cause is `moderate`.
pub const MODERATE: f64 = 0.3;

/// Score from which a cause is `strong`, if at least two kinds of evidence agree.
pub const STRONG: f64 = 0.6;

/// Days of the baseline from which the data suffices for `strong`: two weeks show what is usual on each day of the week.
pub const ENOUGH_DAYS: i32 = 14;

/// Share of the messages from which a template counts fully. Meta's rating is about customers, so a small campaign that
/// many of them dislike is enough.
pub const FULL_SHARE: f64 = 0.05;

/// Factor of the score of a template without a counted message in the window. Not 0, because Meta's figures omit some
/// products.
pub const UNSENT: f64 = 0.3;

/// Factor of the score of a template with hardly any message.
pub const HARDLY_SENT: f64 = 0.6;

/// Factor of the score of a template that is read as usual: most audiences that dislike a template also read fewer of
/// its messages.
pub const READ_AS_USUAL: f64 = 0.7;
