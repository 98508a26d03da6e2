"""What goes to a file or an office: statements of a period, and the gains and losses of a tax year."""
