"""MQTT 3.1.1 and 5 as Bytewax source and sink: at least once, with manual acknowledgement."""
