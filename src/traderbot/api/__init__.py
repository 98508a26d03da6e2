"""The HTTP door: routers, strict JSON, problem+json, middleware, authentication.

Entry point: the application that is assembled from the *_endpoints modules.
May import: every feature below it.
"""
