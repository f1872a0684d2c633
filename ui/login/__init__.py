"""Who may see the page, and who they are there: logins, sessions, and what guards the page's server."""
