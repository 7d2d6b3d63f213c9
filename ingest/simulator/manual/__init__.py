"""Records that underlie the printed tables of the manual: its lots, one day, one month, its devices."""
