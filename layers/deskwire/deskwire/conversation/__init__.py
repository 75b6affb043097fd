"""An event becomes its outcome: recorded, decided, performed, finished. One thread at a time."""
