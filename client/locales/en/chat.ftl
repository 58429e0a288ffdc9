chat-open = Chat
chat-with-yourself = Notes to yourself
chat-group-of = Group of { $count }
chat-members = { $count ->
    [one] 1 person
   *[other] { $count } people
 }
chat-no-contact = Not among your contacts
chat-empty = Nothing said yet
chat-empty-text = Write the first line to { $name } below.
chat-write = Write a message
chat-send = Send
chat-emoji = Emoji
chat-reply = Reply
chat-copy = Copy text
chat-edit = Edit
chat-delete = Delete for everyone
chat-replying = Reply to
chat-editing = Editing
chat-edited = edited
chat-erased = This message was deleted
chat-earlier-line = An earlier message
chat-pending = Sending…
chat-read = { $when } · Read
chat-new = New
chat-to-newest = To the newest message
chat-typing = { $who } is typing…
chat-typing-many = Several people are typing…
unread = { $count ->
    [one] 1 unread message
   *[other] { $count } unread messages
 }

day-today = Today
day-yesterday = Yesterday
day-date = { $weekday }, { $day } { $month }
day-date-year = { $weekday }, { $day } { $month } { $year }
weekday-monday = Monday
weekday-tuesday = Tuesday
weekday-wednesday = Wednesday
weekday-thursday = Thursday
weekday-friday = Friday
weekday-saturday = Saturday
weekday-sunday = Sunday
month-1 = January
month-2 = February
month-3 = March
month-4 = April
month-5 = May
month-6 = June
month-7 = July
month-8 = August
month-9 = September
month-10 = October
month-11 = November
month-12 = December

notice-missed-call = { $who } called
notice-call-ended = Call, { $what }
notice-opened = { $who } began this chat
notice-invited = { $who } asked { $what } in
notice-joined = { $who } joined
notice-left = { $who } left
notice-removed = { $who } removed { $what }
notice-role = { $who } gave { $what } another role
notice-named = { $who } named this chat “{ $what }”
notice-picture = { $who } changed the picture
notice-retention = { $who } changed how long lines are kept
notice-unknown = Something happened that this version does not know

chat-attach = Attach files
chat-attach-drop = Do not send { $name }
chat-attach-here = Drop files here to send them
chat-attach-many = One message takes { $count } files; the others were left out.
chat-attach-no-file = “{ $name }” is not a file: pack a folder into a zip file to send it.
chat-attach-empty = “{ $name }” is empty: there is nothing to send.
chat-attach-unreadable = “{ $name }” cannot be read: { $reason }
chat-to-quoted = To the message that is answered
chat-pin = Pin
chat-unpin = Unpin
chat-pinned = Pinned: { $text }
chat-search = Search in this chat
chat-search-close = Close the search
chat-search-none = Nothing found
chat-search-none-text = No message in this chat has these words.
search-lines = Messages
file-picture = Picture { $name }
file-save = Save
file-save-as = Save as…
file-save-named = Save { $name }
file-saved = saved
file-show = Show in folder
file-show-named = Show { $name } in its folder
file-progress = { $done } of { $all }
file-sending = { $name } · { $how }
file-close = Close the picture
file-pasted = Picture
