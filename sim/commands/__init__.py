"""Commands to the simulated fleet: read, checked, carried out once, and answered.

    receivers    MQTT or Kafka → deliveries
    reading      bytes → a command, or why it is none
    arguments    what each command takes
    execution    a command → orders to the drivers, faults; and when it is done
    answer_book  which commands a vehicle has had, so that none is carried out twice
    desk         all of it, between the steps of the fleet

docs/commands.md describes the commands for users.
"""
