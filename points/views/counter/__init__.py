"""The counter at a station's gift cabinet: pages for stewards, on a phone or at a desk with a scanner.

Who is there, who waits in the queue, what is handed over, and what is in the cabinet. Every page belongs to one station,
which is chosen once and shown at the top.
"""
