"""Problems whose answers are programs, judged by running them on tests in a sandbox."""
