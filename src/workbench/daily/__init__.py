"""Daily cycle: decide a day's declarations once, take in results, refresh profiles, train challengers."""
