"""Events on their way to handlers, processes and JetStream, and what is owed of them."""
