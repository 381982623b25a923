"""From events to faults: paired, joined, named and charged to forks, one bounded batch at a time.

batch of events
   │ pairing     entry + exit + what happened between, per thread
   ▼ history     who ran: address space, comm      (built once from the side band)
   │ mappings    what was mapped at that address then
   ▼ pages       what happened to that page before; who may still share it
   │ verdict     plain rules: facts -> kind, evidence, confidence
   ▼ charge      the fork that made the page shared
rows of ``fault``
"""
