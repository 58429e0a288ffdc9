//! tinyproxy, hardened: no CONNECT, and a filter that lets only port 80 out.

use std::net::SocketAddr;
use std::path::Path;

use super::{Login, Recipe};

pub fn recipe(folder: &Path, listen: SocketAddr, login: Option<&Login>) -> Recipe {
    let folder = folder.display();
    let login = login.map(|login| format!("BasicAuth {} {}\n", login.user, login.password));
    let text = format!(
        "Listen {ip}\nPort {port}\nTimeout 600\nLogFile \"{folder}/tinyproxy.log\"\nLogLevel Connect\n\
         MaxClients 100\nFilter \"{folder}/filter\"\nFilterURLs On\nFilterExtended On\nFilterDefaultDeny Yes\n\
         ConnectPort 0\nDisableViaHeader Yes\n{login}",
        ip = listen.ip(),
        port = listen.port(),
        login = login.unwrap_or_default(),
    );
    // A URL without a port, or with port 80.
    let filter = "^(http://)?[^:/]+(:80)?(/.*)?$\n".to_owned();
    Recipe {
        program: "tinyproxy",
        package: "tinyproxy-bin",
        arguments: vec!["-d".into(), "-c".into(), format!("{folder}/tinyproxy.conf")],
        files: vec![("tinyproxy.conf", text), ("filter", filter)],
        shared_memory: None,
    }
}
