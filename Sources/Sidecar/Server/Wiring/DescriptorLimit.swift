// SPDX-License-Identifier: Apache-2.0

import Glibc

/// How many files and connections the process may have open.
enum DescriptorLimit {
    /// Moves the soft limit to the hard one: 1,024, the usual soft limit, is less than the connections that are allowed.
    static func raise() {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard unsafe getrlimit(resource, &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
        limit.rlim_cur = limit.rlim_max
        // Refused only where the hard limit itself is not allowed; the old one then stays.
        _ = unsafe setrlimit(resource, &limit)
    }
}
