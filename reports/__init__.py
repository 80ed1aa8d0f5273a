"""Pages and tables about runs: of one, and of several side by side. What they show is read from a run's folder, and from its topics."""
