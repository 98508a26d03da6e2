"""Who may do what: accounts of people, passwords, tokens, API keys, roles and preferences.

Entry point: service.py (`UsersService`), built by bootstrap.
May import: infra, model.
"""
