"""Alerts: rules on what happens, the alerts they raise, and how people are told of them.

Entry points: watch.Watch measures the rules, telling.alert_handlers routes what was raised, courier.Courier
sends e-mail and webhooks; rows and hooks for what the API shows and changes.
May import: risk, portfolios, notifications, trading, market, users, infra, engine, model.
"""
