"""
rmqsync: GitOps for RabbitMQ.

Layers, top to bottom; a module imports only from lines below its own, and modules on one line do
not import each other. `tests/test_architecture.py` holds the code to this drawing::

    cli                                  commands: read options, call a use case, show the value
    daemon                               schedule, triggers, notifications, pages and API
    wiring_files | wiring_history        the same as the next: what only reads files; past runs
    wiring                               hands adapters to use cases
    adapters                             made from settings: clusters, definitions
    run_options                          what the command line says about one run
    app | broker | history | repo | report
                                         use cases; RabbitMQ; past runs; git; values to text
    planning                             what differs, in which order, what may run
    loading | analysis                   files to definitions and back; effective policies
    config                               rmqsync.yaml to settings
    text                                 YAML and JSON with positions; schema checks
    kinds                                everything about one kind of object, a module each
    model                                frozen values

`model kinds text config loading analysis planning report` decide and do no I/O.
"""
