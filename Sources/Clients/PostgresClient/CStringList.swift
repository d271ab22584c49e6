// SPDX-License-Identifier: Apache-2.0

import Glibc

/// C strings and the array of their addresses, ended by nil; a missing string is nil, too.
@safe final class CStringList {
    private var pointers: [UnsafePointer<CChar>?]

    init(_ strings: [String?]) {
        unsafe pointers = strings.map { text in unsafe text.flatMap { unsafe UnsafePointer(strdup($0)) } } + [nil]
    }

    deinit {
        for index in unsafe pointers.indices { unsafe free(UnsafeMutablePointer(mutating: pointers[index])) }
    }

    func withPointers<Result>(_ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Result) -> Result {
        unsafe pointers.withUnsafeBufferPointer { unsafe body($0.baseAddress) }
    }
}
