"""Market data: bars, calendars, stored data sets, imports with their quality report, and replay sessions.

Entry points: `demo.ensure_demo`, `importer.import_file`, `datasets.load`, `sessions.ReplaySession`.
May import: model and third-party libraries; the calendar library only inside calendars.py, when it is asked.
"""
