-- SPDX-License-Identifier: Apache-2.0
-- For wrk: asks for two routes in turn, a tenth of a second each, and prints how many requests each got.
local ffi = require("ffi")
ffi.cdef [[ struct timespec { long seconds, nanoseconds; }; int clock_gettime(int clock, struct timespec *time); ]]
local now = ffi.new("struct timespec")
local threads = {}
local requests = {}
hello, plain = 0, 0

function setup(thread) table.insert(threads, thread) end

function init()
    requests = { [0] = wrk.format("GET", "/hello/world"), [1] = wrk.format("GET", "/plain/world") }
end

function request()
    ffi.C.clock_gettime(1, now)
    local turn = math.floor(tonumber(now.nanoseconds) / 1e8) % 2
    if turn == 0 then hello = hello + 1 else plain = plain + 1 end
    return requests[turn]
end

function done()
    print("asked " .. threads[1]:get("hello") .. " " .. threads[1]:get("plain"))
end
