"""Routes under /auth: plain forms rendered on the server, without scripts, which work even when the pages do not."""
