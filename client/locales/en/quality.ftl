quality = Quality of the call
quality-open = { $how } signal. Show the quality of the call
quality-close = Hide the quality of the call
quality-copy = Copy report
quality-copied = Copied
quality-collects = The first figures come in a second.
signal-lost = No
signal-weak = Weak
signal-fair = Fair
signal-good = Good
quality-path = Path
quality-round-trip = Round trip
quality-picture-delay = Picture delay
quality-sound-delay = Sound delay
quality-buffer = Jitter buffer
quality-received = Received
quality-sent = Sent
quality-shown = Pictures seen
quality-shown-sent = Pictures sent
quality-dropped = Dropped
quality-cpu = Processor
quality-size = Picture size
quality-version = Version
quality-length = Length
quality-range = { $value } (last minute { $least } to { $most })
quality-unknown = –
unit-ms = { $n } ms
unit-kbps = { $n } kb/s
unit-rate = { $n } fps
unit-count = { $n }
unit-percent = { $n } % of a core

trouble-connection = The connection was lost. Trying again…
trouble-frozen = { $seconds ->
    [one] The picture has stood still for { $seconds } second.
   *[other] The picture has stood still for { $seconds } seconds.
}
trouble-nothing-heard = { $seconds ->
    [one] No sound has come for { $seconds } second.
   *[other] No sound has come for { $seconds } seconds.
}
trouble-cannot-hear = The other side cannot hear you.
trouble-silent = Your microphone is silent.
trouble-broke-off = Something broke off: { $what }
trouble-held-back = The proxy holds data back: using short requests, +{ $ms } ms.
trouble-held-back-direct = The way to the server holds data back: using short requests, +{ $ms } ms.
trouble-slow = This computer is too busy to show every picture.
trouble-microphone-other = The chosen microphone is not there: another one is used.
trouble-microphone-none = No microphone was found. Plug one in: it is used at once.
trouble-microphone-busy = Another program has the microphone. Close it there.
trouble-microphone-forbidden = The system does not allow the microphone. Allow it in the system’s settings.
trouble-microphone-broken = The microphone does not work. Choose another one in the settings.
trouble-camera-other = The chosen camera is not there: another one is used.
trouble-camera-none = No camera was found. Plug one in: it is used at once.
trouble-camera-busy = Another program has the camera. Close it there.
trouble-camera-forbidden = The system does not allow the camera. Allow it in the system’s settings.
trouble-camera-broken = The camera does not work. Choose another one in the settings.
trouble-speaker-other = The chosen speaker is not there: another one is used.
trouble-speaker-none = No speaker was found. Plug one in: it is used at once.
trouble-speaker-busy = Another program has the speaker. Close it there.
trouble-speaker-forbidden = The system does not allow the speaker. Allow it in the system’s settings.
trouble-speaker-broken = The speaker does not work. Choose another one in the settings.
