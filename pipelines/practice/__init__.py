"""Many honest rounds of practice: how often the forecast's intervals held."""
