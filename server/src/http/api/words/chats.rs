//! Words about chats, files, calls and events.

use super::{Words, words};
use relay::vocabulary::code::*;

pub(super) const WORDS: &[Words] = &[
    words(
        "GET",
        "/v1/chats",
        "List chats. The one with the newest entry first; requests among them say so by their `standing`.",
        &[200],
        &[(422, INVALID)],
    ),
    words(
        "POST",
        "/v1/chats",
        "Open a chat. With one name a direct chat (200 if there is one already), with several a group; each gets a \
         request with the first line.",
        &[201, 200],
        &[
            (403, NOT_REACHABLE),
            (409, BLOCKED_BY_YOU),
            (403, CHAT_DECLINED),
            (404, NOT_FOUND),
            (409, LIMIT_REACHED),
            (409, NOT_ACCEPTED),
        ],
    ),
    words("GET", "/v1/chats/{id}", "Show a chat.", &[200], &[]),
    words("PATCH", "/v1/chats/{id}", "Change a chat's name, picture or retention.", &[200], &[(409, NOT_ACCEPTED)]),
    words(
        "POST",
        "/v1/chats/{id}/accept",
        "Accept a chat's request.",
        &[200],
        &[(409, NOT_ACCEPTED), (409, LIMIT_REACHED)],
    ),
    words(
        "POST",
        "/v1/chats/{id}/decline",
        "Decline a chat's request. Those in it are told.",
        &[204],
        &[(409, NOT_ACCEPTED)],
    ),
    words("POST", "/v1/chats/{id}/ignore", "Ignore a chat's request. Nobody is told.", &[204], &[(409, NOT_ACCEPTED)]),
    words("GET", "/v1/chats/{id}/members", "List a chat's members. At most 500, so all of them at once.", &[200], &[]),
    words(
        "POST",
        "/v1/chats/{id}/members",
        "Ask others into a group. Each gets a request.",
        &[200],
        &[(403, NOT_REACHABLE), (409, BLOCKED_BY_YOU), (409, LIMIT_REACHED), (409, NOT_ACCEPTED)],
    ),
    words(
        "PUT",
        "/v1/chats/{id}/members/{account}",
        "Give a member another role in a chat.",
        &[204],
        &[(409, NOT_ACCEPTED)],
    ),
    words(
        "DELETE",
        "/v1/chats/{id}/members/{account}",
        "Remove a member. Oneself: leave.",
        &[204],
        &[(409, NOT_ACCEPTED)],
    ),
    words(
        "GET",
        "/v1/chats/{id}/messages",
        "Read a chat's lines. The newest without a parameter; `before`, `after` and `around` take a sequence. \
         `next`, given as `cursor`, goes on in the same direction.",
        &[200],
        &[(422, INVALID)],
    ),
    words(
        "POST",
        "/v1/chats/{id}/messages",
        "Write a line, or change one. Answered once it is on the disk. The same `key` again is answered as the first \
         time, for ever; with an `Idempotency-Key` the body needs none. With `send_at` it is sent later (202).",
        &[201, 202],
        &[(403, CHAT_DECLINED), (403, NOT_REACHABLE), (409, BLOCKED_BY_YOU), (409, NOT_ACCEPTED), (409, LIMIT_REACHED)],
    ),
    words("GET", "/v1/chats/{id}/pins", "List pinned lines. At most 100, in their order.", &[200], &[]),
    words(
        "GET",
        "/v1/chats/{id}/scheduled",
        "List lines that are to be sent later. The caller's own, the next one first.",
        &[200],
        &[],
    ),
    words("DELETE", "/v1/chats/{id}/scheduled/{scheduled}", "Take back a line that was to be sent later.", &[204], &[]),
    words("GET", "/v1/chats/{id}/marks", "List how far everyone has come.", &[200], &[]),
    words("PUT", "/v1/chats/{id}/marks", "Say how far one has come. Marks only go forward.", &[204], &[]),
    words(
        "POST",
        "/v1/chats/{id}/typing",
        "Say that one types, or has stopped. Say it again every four seconds.",
        &[204],
        &[],
    ),
    words(
        "GET",
        "/v1/search",
        "Search lines in all chats. By words, or by one or two characters of Chinese, Japanese and Korean.",
        &[200],
        &[(413, TOO_LONG), (422, INVALID), (404, NOT_FOUND)],
    ),
    words(
        "POST",
        "/v1/files",
        "Announce a file. Its pieces follow with PUT. The same `key` again finds the same file; with an \
         `Idempotency-Key` the body needs none.",
        &[201],
        &[(409, INVALID), (409, LIMIT_REACHED)],
    ),
    words("GET", "/v1/files/{id}", "Ask how much of a file has come.", &[200], &[]),
    words(
        "PUT",
        "/v1/files/{id}",
        "Send a piece of a file. The body is the piece, `at` where it begins; after a cut, ask how much has come and \
         go on there.",
        &[200],
        &[(400, MALFORMED), (408, MALFORMED), (409, WRONG_OFFSET), (413, TOO_LONG), (422, INVALID)],
    ),
    words(
        "GET",
        "/v1/files/{id}/content",
        "Get a file. Whole, or a part by `from` and `length` or by a `Range` header.",
        &[200, 206, 304],
        &[(406, BULK_NEEDED), (416, INVALID)],
    ),
    words(
        "GET",
        "/v1/files/{id}/thumbnail",
        "Get a picture's thumbnail.",
        &[200, 304],
        &[(406, BULK_NEEDED), (416, INVALID)],
    ),
    words(
        "GET",
        "/v1/events",
        "Listen to what happens. Server-sent events, one after the other on one long answer: `chat.entry` with \
         `chat` and `entry` (a `Message`), with `signals=true` also `chat.signal` (a `Signal`), `stream.opened`, \
         `stream.gap` and every `Event`. The `id` of the last one, shown as `Last-Event-ID`, goes on after it.",
        &[200],
        &[(422, INVALID)],
    ),
    words("GET", "/v1/calls", "Show the call that one is in or is rung for. None or one.", &[200], &[]),
    words(
        "POST",
        "/v1/calls",
        "Start a call from a chat. Rings its members. The caller's device needs a link, or it could neither hear nor \
         be heard.",
        &[201],
        &[(403, NOT_REACHABLE), (409, BLOCKED_BY_YOU), (404, NOT_FOUND), (409, IN_A_CALL), (409, LINK_NEEDED)],
    ),
    words("GET", "/v1/calls/{id}", "Show a call.", &[200], &[]),
    words(
        "POST",
        "/v1/calls/{id}/accept",
        "Take a call. On this device, which needs a link.",
        &[200],
        &[(409, CALL_MOVED_ON), (409, IN_A_CALL), (409, LINK_NEEDED)],
    ),
    words("POST", "/v1/calls/{id}/decline", "Decline a call.", &[200], &[(409, CALL_MOVED_ON)]),
    words("POST", "/v1/calls/{id}/hangup", "Hang up.", &[200], &[(409, CALL_MOVED_ON)]),
];
