-- One AdmissionReview, again and again; the file comes from the environment.
local file = assert(io.open(os.getenv("REVIEW"), "rb"))
wrk.method = "POST"
wrk.body = file:read("*a")
wrk.headers["Content-Type"] = "application/json"
file:close()

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    "RESULT %d %d %f %f %d\n", summary.requests, summary.duration, latency:percentile(50.0),
    latency:percentile(99.0), errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
