app-name = Komado
app-promise = Chat and calls, wherever the web works

server = Server or invitation link
server-hint = chat.example
account = Account
password = Password
new-password = Choose a password
proxy = Proxy
proxy-hint = http://proxy:3128, or none
proxy-set = Set a proxy…
sign-in = Sign in
sign-in-instead = I have an account
sign-in-trying = Connecting…
join = Create account
join-instead = I have an invitation, or want a new account
cancel = Cancel

unknown-title = Is this your server?
unknown-text = You are about to connect to { $server } for the first time. Its certificate has this fingerprint:
unknown-how = Whoever runs the server can read it out with “komado-server fingerprint”. If it is another one, somebody may be listening in: do not connect.
unknown-yes = It is the same, connect
unknown-no = Do not connect

failure-no-server = Write the server’s address, or paste the invitation you were sent.
failure-no-user = Write the name of your account.
failure-no-password = Write your password.
failure-address = “{ $what }” is not a server’s address. Write for example chat.example, or https://chat.example:8443.
failure-invitation = This invitation is not complete. Copy the whole link, from komado:// to its end.
failure-proxy = “{ $what }” is not a proxy that Komado can use. Write http://host:port, or none for a direct connection.
failure-server-unreachable = The server cannot be reached. Check its address and your network; it may also be switched off. ({ $what })
failure-proxy-unreachable = The proxy cannot be reached. Check its address below, or ask whoever runs your network. ({ $what })
failure-proxy-password = Your proxy asks for a name and password, which Komado cannot give yet. Ask whoever runs your network for a way without, or use another network.
failure-proxy-forbids = Your network’s proxy does not let you through to this server (it says { $what }). Ask whoever runs the network to allow it.
failure-no-tunnel = Your proxy makes no tunnels for https. Write the server’s http:// address instead: Komado encrypts by itself.
failure-not-komado = What answers at this address is not a Komado server. Check the address; or you may have to sign in to this network in a browser first.
failure-silence = There was no answer in time. Try again; if it stays so, check the address and your network.
failure-certificate-changed = The server shows another certificate than before. If it was set up anew, ask its administrator for an invitation with the new one; otherwise somebody may be listening in.
failure-certificate-not-trusted = No known authority vouches for the server’s certificate. Ask its administrator for an invitation link, which does.
failure-clock-wrong = The server’s certificate is not valid at this time. Check the date and time of this computer; if they are right, tell the server’s administrator.
failure-wrong-password = Account and password do not match. Check both; capitals count.
failure-wait = Too many attempts. Wait { $seconds ->
    [one] a second
   *[other] { $seconds } seconds
 } and try again.
failure-locked = This account is locked. Ask the server’s administrator.
failure-wrong-code = This invitation has been used up or has expired. Ask for a new one.
failure-invitation-needed = This server takes new accounts by invitation only. Paste the link you were sent.
failure-name-taken = Somebody has this name already. Choose another one.
failure-session-over = You were signed out. Write your password to sign in again.
failure-keyring = You were signed in, but the system's keyring did not give the session: { $what }. Write your password to sign in again.
failure-other = It did not work: { $what }
