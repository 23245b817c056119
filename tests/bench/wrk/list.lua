-- All passengers.
require "summary"

wrk.path = "/passengerlist"
