"""Building blocks that pages share: numbers, cards, charts."""
