//! Validates the proxy variables. The HTTP client reads them itself, and silently connects without a proxy if
//! it cannot parse one, so an invalid proxy is an error here.
//!
//! Precedence follows the client: the upper-case form wins even if it is blank, and `ALL_PROXY` is the
//! fallback. Proxy URLs can contain passwords, so messages never repeat a URL.

use hyper::Uri;

use super::environment::Environment;
use super::walker::Walker;

/// Upper-case and lower-case form of a name.
type VariableNames = [&'static str; 2];

const OWN: [VariableNames; 2] = [["HTTPS_PROXY", "https_proxy"], ["HTTP_PROXY", "http_proxy"]];
const ALL: VariableNames = ["ALL_PROXY", "all_proxy"];
const NONE: VariableNames = ["NO_PROXY", "no_proxy"];

/// Proxy schemes that the client supports.
const SCHEMES: [&str; 2] = ["http", "https"];

/// Longest scheme that messages repeat; longer text is not a scheme.
const MAX_SCHEME: usize = 12;

/// Checks the variables, and returns whether one of them sets a proxy.
pub(super) fn read(walker: &mut Walker<'_>) -> bool {
    let own = OWN.map(|names| read_one(walker, &names));
    // If both schemes have their own variable, `ALL_PROXY` is unused.
    let is_asked = own.contains(&false);
    let all = is_asked && read_one(walker, &ALL);
    warn_about_shadowed(walker, &NONE);
    all || own.contains(&true)
}

fn read_one(walker: &mut Walker<'_>, names: &VariableNames) -> bool {
    warn_about_shadowed(walker, names);
    let Some((name, url)) = effective_variable(walker.environment(), names) else {
        return false;
    };
    if let Err(message) = check(&url) {
        walker.error(name, message);
    }
    true
}

/// The variable that the client uses, unless it is blank.
fn effective_variable(
    environment: &dyn Environment,
    names: &VariableNames,
) -> Option<(&'static str, String)> {
    let set = names.iter().find_map(|name| {
        let text = environment.variable(name)?.into_string().ok()?;
        Some((*name, text))
    });
    set.filter(|(_, text)| !text.trim().is_empty())
}

fn warn_about_shadowed(walker: &mut Walker<'_>, [capital, small]: &VariableNames) {
    let environment = walker.environment();
    let is_blank = |name| {
        let text = environment.variable(name)?.into_string().ok()?;
        Some(text.trim().is_empty())
    };
    if is_blank(capital) == Some(true) && is_blank(small) == Some(false) {
        let message = format!("is set but blank, so {small} is ignored; unset {capital}");
        walker.warn(*capital, message);
    }
}

fn check(url: &str) -> Result<(), String> {
    let not_a_url = "is not a proxy URL; write it like http://proxy.example.com:3128, and percent-encode \
                     special characters in the password";
    if let Some((scheme, _)) = url.split_once("://")
        && !SCHEMES.contains(&scheme)
    {
        return Err(format!(
            "uses the proxy scheme {}, which is not supported; set an http:// or https:// proxy URL, or \
             unset it",
            shown_scheme(scheme)
        ));
    }
    let uri: Uri = url.parse().map_err(|_| not_a_url)?;
    let authority = uri.authority().ok_or(not_a_url)?;
    let (_, address) = authority
        .as_str()
        .rsplit_once('@')
        .unwrap_or(("", authority.as_str()));
    let has_port = address.len() > authority.host().len();
    let is_good = !authority.host().is_empty() && (!has_port || authority.port_u16().is_some());
    is_good.then_some(()).ok_or_else(|| not_a_url.to_owned())
}

/// The scheme, if the text can be one.
fn shown_scheme(scheme: &str) -> &str {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    if (1..=MAX_SCHEME).contains(&scheme.len()) && scheme.bytes().all(is_part) {
        scheme
    } else {
        "before ://"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_and_https_proxies_are_accepted() {
        for good in [
            "http://proxy:3128",
            "https://proxy.example.com",
            "proxy:3128",
            "proxy",
            "10.0.0.1:3128",
            "http://[::1]:3128",
            "http://[::1]",
            "http://me:pass@proxy:3128/",
            "me:pa%3Ass@proxy:3128",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn other_schemes_are_refused_by_name() {
        for scheme in [
            "socks", "socks4", "socks4a", "socks5", "socks5h", "ftp", "htp", "htpps", "HTTP",
            "quic", "tcp",
        ] {
            let error = check(&format!("{scheme}://me:secret@proxy:1080")).expect_err(scheme);
            assert!(
                error.starts_with(&format!(
                    "uses the proxy scheme {scheme}, which is not supported; "
                )),
                "{error}"
            );
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn an_invalid_proxy_url_is_refused_without_printing_it() {
        for bad in [
            "http:/secret:1",
            "http//secret:1",
            "http://",
            "http://secret:port",
            "http://secret:99999",
            "secret:99999",
            "http://me:se cret@proxy:1",
            "http://me:se^cret\u{e9}@proxy:1",
            "/secret",
            "://secret",
            "secret secret://proxy",
            "me:secret@://proxy",
        ] {
            let error = check(bad).expect_err(bad);
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
