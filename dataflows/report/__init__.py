"""What a vehicle did on a day: read from the history, printed or drawn."""
