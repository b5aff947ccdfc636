//! `trackers.campaigns`: the values of `biz_opaque_callback_data` that are counted.

use super::kind::{SettingKind, listed};
use super::setting::Setting;
use super::value;
use super::walker::Walker;
use crate::domain::campaign::{CallbackData, Campaigns, MAX_CAMPAIGNS};
use crate::yaml::Node;

const VALUE: &str = "value";
const NAME: &str = "name";

/// A list of values, each as text, or as a map with a name. Errors and summary do not show values: a message's
/// callback data may contain anything.
pub(super) struct CampaignList;

impl SettingKind for CampaignList {
    type Value = Campaigns;

    fn read(&self, setting: &Setting, walker: &mut Walker<'_>) -> Campaigns {
        let mut campaigns = Campaigns::default();
        let key = setting.key.unwrap_or_default();
        let items = match walker.node(key) {
            None | Some(Node::Empty) => return campaigns,
            Some(Node::List(items)) => items,
            Some(Node::Text(_) | Node::Map(_)) => {
                walker.error(key, "takes a list: begin each item with `- `");
                return campaigns;
            }
        };
        if items.len() > MAX_CAMPAIGNS {
            let message = format!("has more than {MAX_CAMPAIGNS} campaigns; remove some");
            walker.error(key, message);
            return campaigns;
        }
        for (index, item) in items.iter().enumerate() {
            let place = format!("{key}[{index}]");
            let Some((data, name)) = campaign(&place, item, walker) else {
                continue;
            };
            if !campaigns.declare(data, &name) {
                walker.error(place, "has a value that is listed twice; remove one");
            }
        }
        campaigns
    }

    fn show(&self, value: &Campaigns) -> String {
        listed(&value.names().into_iter().collect::<Vec<_>>())
    }

    fn is_same(&self, one: &Campaigns, other: &Campaigns) -> bool {
        one == other
    }
}

fn campaign<'a>(
    place: &str,
    item: &'a Node,
    walker: &mut Walker<'a>,
) -> Option<(CallbackData, String)> {
    let (value, name) = match item {
        Node::Map(entries) => {
            walker.refuse_other_keys(place, entries, &[NAME, VALUE]);
            let Some(value) = item.get(VALUE) else {
                let message = "has no value; give it the value of biz_opaque_callback_data";
                walker.error(place, message);
                return None;
            };
            let value = walker.node_text(&format!("{place}.{VALUE}"), value)?;
            let name = match item.get(NAME) {
                Some(name) => Some(walker.node_text(&format!("{place}.{NAME}"), name)?),
                None => None,
            };
            (value, name)
        }
        other => (walker.node_text(place, other)?, None),
    };
    let Some(data) = CallbackData::new(value) else {
        walker.error(
            place,
            "has a value that is empty or longer than 512 characters",
        );
        return None;
    };
    let label = value::name(name.unwrap_or(value));
    let label = label.map_err(|message| match name {
        Some(_) => walker.error(format!("{place}.{NAME}"), message),
        None => walker.error(
            place,
            "has a value that is too long for a name, or not printable; give it a name too",
        ),
    });
    Some((data, label.ok()?))
}
