//! The sources of one app's settings, and the message for a missing setting.

use super::super::setting::Setting;
use crate::yaml::Node;

/// The sources of one app: an item of the file's list, the variables, or both.
#[derive(Clone, Copy)]
pub(super) struct Places<'a> {
    pub(super) item: Option<(usize, &'a Node)>,
    pub(super) variables: bool,
}

impl Places<'_> {
    /// The key's path in the file.
    pub(super) fn key(self, setting: &Setting) -> String {
        setting.key_of_item(self.item.map_or(0, |(index, _)| index))
    }

    /// The place of a missing setting, and a message that says how to set it. `file` is the setting for a file with
    /// the value.
    pub(super) fn missing(self, setting: &Setting, file: Option<&Setting>) -> (String, String) {
        let variable = setting
            .variable
            .expect("what may be missing has a variable");
        let leaf = file
            .map(|file| format!(" or {}", file.name()))
            .unwrap_or_default();
        let file_variable = file.and_then(|file| file.variable);
        let file_variable = file_variable
            .map(|name| format!(" or {name}"))
            .unwrap_or_default();
        match (self.item, self.variables) {
            (None, _) => {
                let declare = "or declare the app in a configuration file";
                (
                    variable.to_owned(),
                    format!("is missing; set it{file_variable}, {declare}"),
                )
            }
            (Some(_), true) => {
                let variables = format!("or the variable {variable}{file_variable}");
                (
                    self.key(setting),
                    format!("is missing; set it{leaf}, {variables}"),
                )
            }
            (Some(_), false) => (self.key(setting), format!("is missing; set it{leaf}")),
        }
    }
}
