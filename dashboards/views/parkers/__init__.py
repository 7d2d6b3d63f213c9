"""Pages of long-term parkers: owners, wallets, vehicles."""
