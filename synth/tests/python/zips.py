"""Reads and makes packages as Python's zipfile does. Each line on standard input is a JSON string that holds a task:

["read", archive] is answered with zipfile's data on each file in the archive.
["make", archive, program, [year, month, …], mode, method, comment] makes an archive of the program in hexadecimal.
"""

import hashlib
import json
import sys
import zipfile

for line in sys.stdin:
    task, path, *rest = json.loads(json.loads(line))
    if task == "read":
        with zipfile.ZipFile(path) as archive:
            answer = {
                "damaged": archive.testzip(),
                "comment": archive.comment.decode(),
                "files": [
                    {
                        "name": file.filename,
                        "sha256": hashlib.sha256(archive.read(file)).hexdigest(),
                        "date_time": file.date_time,
                        "mode": oct(file.external_attr >> 16),
                        "system": file.create_system,
                        "method": file.compress_type,
                        "flags": file.flag_bits,
                        "extra": file.extra.hex(),
                        "comment": file.comment.decode(),
                    }
                    for file in archive.infolist()
                ],
            }
    else:
        program, date_time, mode, method, comment = rest
        file = zipfile.ZipInfo("bootstrap", tuple(date_time))
        file.external_attr = mode << 16
        file.comment = comment.encode()
        with zipfile.ZipFile(path, "w", compression=method) as archive:
            archive.comment = comment.encode()
            archive.writestr(file, bytes.fromhex(program), compress_type=method)
        answer = None
    print(json.dumps(answer), flush=True)
