-- One line of JSON about the run, for the driver. wrk counts every status above 399; it knows no redirects here.
function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        'SUMMARY {"requests":%d,"duration_us":%d,"bytes":%d,"p50_us":%d,"p99_us":%d,"max_us":%d,' ..
        '"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}\n',
        summary.requests, summary.duration, summary.bytes,
        latency:percentile(50), latency:percentile(99), latency.max,
        errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
