//! Who may give which command: every route of the server, and what its caller must be at the least.
//!
//! What a command may do beyond that, with this chat or that track, its room asks [`super`] when it knows which one it is.
//! A route that does not stand here is refused to everyone.

use super::Who::{self, Anyone, AtLeast};
use relay::vocabulary::Role::{Administrator, Member, Moderator};

/// Every route: method, path, who may.
pub const TABLE: &[(&str, &str, Who)] = &[
    // What needs no account. The first two tell nothing; a link knows by its name and its seal who speaks.
    ("GET", "/v1/health", Anyone),
    ("GET", "/v1/public/{name}", Anyone),
    ("POST", "/v1/link", Anyone),
    ("POST", "/v1/link/seal", Anyone),
    ("POST", "/v1/link/seal/{link}", Anyone),
    ("POST", "/v1/link/{link}/up", Anyone),
    ("GET", "/v1/link/{link}/down", Anyone),
    // Coming in: each is guarded by the back-off.
    ("POST", "/v1/login", Anyone),
    ("POST", "/v1/session", Anyone),
    ("POST", "/v1/join", Anyone),
    ("POST", "/v1/reset", Anyone),
    // One's own account.
    ("POST", "/v1/logout", AtLeast(Member)),
    ("GET", "/v1/me", AtLeast(Member)),
    ("PATCH", "/v1/me", AtLeast(Member)),
    ("DELETE", "/v1/me", AtLeast(Member)),
    ("PUT", "/v1/me/password", AtLeast(Member)),
    ("PUT", "/v1/me/picture", AtLeast(Member)),
    ("DELETE", "/v1/me/picture", AtLeast(Member)),
    ("GET", "/v1/pictures/{picture}", AtLeast(Member)),
    ("GET", "/v1/sessions", AtLeast(Member)),
    ("POST", "/v1/sessions", AtLeast(Member)),
    ("DELETE", "/v1/sessions", AtLeast(Member)),
    ("DELETE", "/v1/sessions/{id}", AtLeast(Member)),
    ("POST", "/v1/session/renew", AtLeast(Member)),
    // Chats and calls: their members.
    ("GET", "/v1/chats", AtLeast(Member)),
    ("POST", "/v1/chats", AtLeast(Member)),
    ("GET", "/v1/chats/{id}/messages", AtLeast(Member)),
    ("POST", "/v1/chats/{id}/messages", AtLeast(Member)),
    ("GET", "/v1/calls", AtLeast(Member)),
    ("POST", "/v1/calls", AtLeast(Member)),
    ("GET", "/v1/calls/{id}", AtLeast(Member)),
    ("POST", "/v1/calls/{id}/accept", AtLeast(Member)),
    ("POST", "/v1/calls/{id}/decline", AtLeast(Member)),
    ("POST", "/v1/calls/{id}/hangup", AtLeast(Member)),
    // Contacts and presence. Whether members may search the directory is configured.
    ("GET", "/v1/contacts", AtLeast(Member)),
    ("DELETE", "/v1/contacts/{account}", AtLeast(Member)),
    ("PUT", "/v1/contacts/{account}/groups", AtLeast(Member)),
    ("POST", "/v1/contacts/groups/rename", AtLeast(Member)),
    ("GET", "/v1/contacts/requests", AtLeast(Member)),
    ("POST", "/v1/contacts/requests", AtLeast(Member)),
    ("DELETE", "/v1/contacts/requests/{account}", AtLeast(Member)),
    ("POST", "/v1/contacts/requests/{account}/accept", AtLeast(Member)),
    ("POST", "/v1/contacts/requests/{account}/decline", AtLeast(Member)),
    ("GET", "/v1/blocks", AtLeast(Member)),
    ("PUT", "/v1/blocks/{account}", AtLeast(Member)),
    ("DELETE", "/v1/blocks/{account}", AtLeast(Member)),
    ("GET", "/v1/directory", AtLeast(Member)),
    ("GET", "/v1/presence", AtLeast(Member)),
    ("PUT", "/v1/presence", AtLeast(Member)),
    // Tracks: providers make public ones, and members who were granted the channel of that name.
    ("PUT", "/v1/cursors/{track}", AtLeast(Member)),
    ("DELETE", "/v1/cursors/{track}", AtLeast(Member)),
    ("POST", "/v1/tracks", AtLeast(Member)),
    ("DELETE", "/v1/tracks/{id}", AtLeast(Member)),
    ("POST", "/v1/tracks/{id}/keyframe", AtLeast(Member)),
    // Keeping order.
    ("GET", "/v1/admin/accounts", AtLeast(Moderator)),
    ("GET", "/v1/admin/accounts/{id}", AtLeast(Moderator)),
    ("PATCH", "/v1/admin/accounts/{id}", AtLeast(Moderator)),
    ("POST", "/v1/admin/accounts", AtLeast(Administrator)),
    ("DELETE", "/v1/admin/accounts/{id}", AtLeast(Administrator)),
    ("POST", "/v1/admin/accounts/{id}/reset", AtLeast(Administrator)),
    ("GET", "/v1/admin/accounts/{id}/sessions", AtLeast(Administrator)),
    ("DELETE", "/v1/admin/accounts/{id}/sessions", AtLeast(Administrator)),
    ("GET", "/v1/admin/accounts/{id}/grants", AtLeast(Administrator)),
    ("PUT", "/v1/admin/grants", AtLeast(Administrator)),
    ("DELETE", "/v1/admin/grants", AtLeast(Administrator)),
    ("GET", "/v1/admin/invitations", AtLeast(Administrator)),
    ("POST", "/v1/admin/invitations", AtLeast(Administrator)),
    ("DELETE", "/v1/admin/invitations/{id}", AtLeast(Administrator)),
    ("GET", "/v1/admin/audit", AtLeast(Administrator)),
    ("GET", "/v1/connections", AtLeast(Administrator)),
];
