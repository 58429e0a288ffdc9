//! privoxy with Debian's own filters: holds uploads, filters and holds `text/*`.

use std::net::SocketAddr;
use std::path::Path;

use super::Recipe;

pub fn recipe(folder: &Path, listen: SocketAddr) -> Recipe {
    let folder = folder.display();
    let text = format!(
        "confdir /etc/privoxy\nlogdir {folder}\nlogfile privoxy.log\n\
         actionsfile match-all.action\nactionsfile default.action\nactionsfile {folder}/port80.action\n\
         filterfile default.filter\n\
         listen-address {listen}\ntoggle 1\nenable-remote-toggle 0\nenable-edit-actions 0\n\
         buffer-limit 4096\nkeep-alive-timeout 5\ntolerate-pipelining 1\nsocket-timeout 300\n\
         permit-access {client}\n",
        client = if listen.is_ipv4() { "0.0.0.0/0" } else { "::/0" },
    );
    let actions = "{+limit-connect{0} +block{only port 80}}\n/\n{-block}\n:80\n".to_owned();
    Recipe {
        program: "privoxy",
        package: "privoxy",
        arguments: vec!["--no-daemon".into(), format!("{folder}/privoxy.conf")],
        files: vec![("privoxy.conf", text), ("port80.action", actions)],
        shared_memory: None,
    }
}
