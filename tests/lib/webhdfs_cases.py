"""Requests to WebHDFS, and how to send them and compare the answers; used by tests/cluster and tests/compat.

A line is one request:  USER METHOD[>] TARGET [| BODY]
  USER     goes into user.name; - sends none
  >        follows the redirect, with the body, and keeps both answers
  {a*300}  in a target or a body stands for 300 times that letter
Lines build on what those before them made, so they are sent in order.
"""
import http.client, json, os, random, re, subprocess, time, urllib.parse

os.environ["HADOOP_USER_NAME"] = "root"  # the daemons' own user, whoever runs the test
PEERS = os.path.join(os.environ.get("ASHLAR_SHARED", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../shared")), "peers")
ALLOW = ["-D", "hadoop.proxyuser.root.hosts=*", "-D", "hadoop.proxyuser.root.groups=*"]
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

CASES = r"""
# names
root GET /?op=GETFILESTATUS
- GET /?op=GETFILESTATUS
root GET ?op=LISTSTATUS
root GET /none?op=GETFILESTATUS
root GET /none?op=LISTSTATUS
root PUT /w?op=MKDIRS
root PUT /w?op=MKDIRS
root PUT /w/d1/d2/d3?op=MKDIRS
root PUT /w/p700?op=MKDIRS&permission=700
root PUT /w/p1777?op=MKDIRS&permission=1777
root PUT /w/pu?op=MKDIRS&permission=775&unmaskedpermission=777
root PUT /w/px?op=MKDIRS&permission=999
root PUT /w/px?op=MKDIRS&permission=rwx
root PUT /w/px?op=MKDIRS&permission=77777
root PUT /w/px?op=MKDIRS&permission=
root PUT /w/px2?op=MKDIRS&permission=2755
root PUT /w/px3?op=MKDIRS&unmaskedpermission=8
root PUT /w/px3?op=MKDIRS&permission=-1
root GET /w?op=LISTSTATUS
root GET /w/p700?op=GETFILESTATUS
root GET /w/pu?op=GETFILESTATUS
root PUT /w/%20sp%20ace%2Bplus%25?op=MKDIRS
root PUT /w/a+b?op=MKDIRS
root PUT /w/%E3%81%82?op=MKDIRS
root PUT /w/col:on?op=MKDIRS
root PUT /w/../y?op=MKDIRS
root PUT /w/./x?op=MKDIRS
root PUT //w//x?op=MKDIRS
root PUT /w/x/?op=MKDIRS
root PUT /w/bad%FF%FEutf?op=MKDIRS
root PUT /w/semi;colon=1?op=MKDIRS
root GET /w/semi?op=GETFILESTATUS
root GET /w?op=LISTSTATUS
root GET /w/%20sp%20ace%2Bplus%25?op=GETFILESTATUS
root GET /w/a%2Bb?op=GETFILESTATUS
bob PUT /bob?op=MKDIRS
bob PUT /w/bob?op=MKDIRS
bob GET /w/p700?op=LISTSTATUS
bob GET /w/p700?op=GETFILESTATUS
bob GET /w/p700/x?op=GETFILESTATUS
- GET /w/p700?op=LISTSTATUS
- PUT /drwho?op=MKDIRS

# files
root PUT> /w/f?op=CREATE | hello world
root PUT /w/f?op=CREATE
root PUT /w/f?op=CREATE&noredirect=true
root PUT> /w/f?op=CREATE | again
root PUT> /w/f?op=CREATE&overwrite=true | again and again
root PUT> /w/d1?op=CREATE&overwrite=true | x
root PUT> /w/f/under?op=CREATE | x
root PUT> /w/new/parents/f?op=CREATE | x
root PUT> /w/nope/f?op=CREATE&createparent=false | x
root PUT> /w/empty?op=CREATE
root PUT> /w/big?op=CREATE&blocksize=1048576 | {0123456789*250000}
root PUT> /w/mode?op=CREATE&permission=600 | x
root PUT> /w/mode2?op=CREATE&permission=1755 | x
root PUT> /w/mode3?op=CREATE&permission=660&unmaskedpermission=666 | x
root PUT> /w/rep?op=CREATE&replication=2 | x
root PUT> /w/flag?op=CREATE&createflag=CREATE | x
root PUT> /w/flag?op=CREATE&createflag=CREATE | x
root PUT> /w/flag?op=CREATE&createflag=CREATE,OVERWRITE | xy
root PUT> /w/flag2?op=CREATE&createflag=append | x
root PUT> /w/flag2?op=CREATE&createflag=nonsense | x
root PUT> /w/bs?op=CREATE&blocksize=512 | x
root PUT> /w/lazy?op=CREATE&createflag=CREATE,LAZY_PERSIST | x
root PUT /w/b?op=CREATE&blocksize=0
root PUT /w/b?op=CREATE&blocksize=-1
root PUT /w/b?op=CREATE&blocksize=abc
root PUT /w/b?op=CREATE&replication=0
root PUT /w/b?op=CREATE&replication=99999
root PUT /w/b?op=CREATE&replication=1x
root PUT /w/b?op=CREATE&overwrite=maybe
root PUT /w/b?op=CREATE&buffersize=0
root PUT /w/b?op=CREATE&buffersize=4096&blocksize=2097152&replication=1&permission=640
root PUT /w/b?op=CREATE&excludedatanodes=nohost:1
root PUT /w/%20sp?op=CREATE
root PUT /w/s%23%3F%26%25p?op=CREATE
root PUT> /w/s%23%3F%26%25p?op=CREATE | odd name
root GET> /w/s%23%3F%26%25p?op=OPEN
bob PUT> /w/bobfile?op=CREATE | x
root GET /w?op=LISTSTATUS
root GET /w/f?op=LISTSTATUS
root GET /w/f?op=GETFILESTATUS
root GET /w/big?op=GETFILESTATUS

# reading
root GET> /w/f?op=OPEN
root GET /w/f?op=OPEN&noredirect=true
root GET /w/f?op=OPEN&noredirect=false
root GET /w/f?op=OPEN&noredirect=x
root GET> /w/f?op=OPEN&offset=6
root GET> /w/f?op=OPEN&offset=6&length=3
root GET> /w/f?op=OPEN&length=0
root GET> /w/f?op=OPEN&length=1000
root GET> /w/f?op=OPEN&offset=0&buffersize=1024
root GET> /w/f?op=OPEN&offset=15
root GET> /w/f?op=OPEN&offset=16
root GET> /w/f?op=OPEN&offset=-1
root GET> /w/f?op=OPEN&length=-1
root GET> /w/f?op=OPEN&length=null
root GET> /w/f?op=OPEN&offset=99999999999999999999
root GET> /w/f?op=OPEN&offset=abc
root GET> /w/f?op=OPEN&buffersize=-5
root GET /w/f?op=OPEN&offset=&length=
root GET /w/f?op=OPEN&offset=+5
root GET /w/f?op=OPEN&offset=%2B5
root GET /w/f?op=OPEN&noredirect=
root GET /w/f?op=OPEN&noredirect=null
root GET /w/f?op=OPEN&noredirect=TRUE
root GET /w/f?op=OPEN&blocksize=abc
root GET /w/f?op=OPEN&delegation=abc
root GET /w/f?op=OPEN&doas=bob
- GET /w/f?op=OPEN&user.name=a.b$
root GET /w/f/?op=OPEN
root GET //w/f?op=OPEN
root GET //w/f?op=GETFILESTATUS
root GET /w/f/?op=GETFILESTATUS
root GET /w/f;x=1?op=GETFILESTATUS
root GET /w/f?op=GETFILESTATUS&offset=%zz
root GET /w/f?op=GETFILESTATUS&offset=%ff
root PUT /w/z?op=CREATE&overwrite=&blocksize=&buffersize=null&replication=
root PUT /w/%E3%81%82%20b?op=CREATE
root PUT /w/col:on?op=CREATE
root PUT /w/%01%7F%5B%5D%5E%60%7B%7C%22%3C%3E%5C=@,x?op=CREATE
root GET> /w/empty?op=OPEN
root GET> /w/empty?op=OPEN&offset=1
root GET> /w/big?op=OPEN&offset=1048570&length=20
root GET> /w/none?op=OPEN
root GET> /w/d1?op=OPEN
root GET> /?op=OPEN
bob GET> /w/f?op=OPEN
bob GET> /w/mode?op=OPEN
bob GET> /w/p700/x?op=OPEN
root GET /w/f?op=open
root GET /w/f?OP=Open&User.Name=root
root GET /w/f?op=OPEN&excludedatanodes=DN
root GET> /w/f?op=GETFILECHECKSUM
root GET> /w/big?op=GETFILECHECKSUM
root GET> /w/empty?op=GETFILECHECKSUM
root GET> /w/d1?op=GETFILECHECKSUM
root GET> /w/none?op=GETFILECHECKSUM
root GET /w/f?op=GETFILECHECKSUM&noredirect=true
bob GET> /w/mode?op=GETFILECHECKSUM
root GET /w/f?op=GETFILEBLOCKLOCATIONS
root GET /w/big?op=GETFILEBLOCKLOCATIONS
root GET /w/big?op=GETFILEBLOCKLOCATIONS&offset=1048576&length=1
root GET /w/big?op=GETFILEBLOCKLOCATIONS&offset=-1
root GET /w/big?op=GETFILEBLOCKLOCATIONS&length=-1
root GET /w/big?op=GETFILEBLOCKLOCATIONS&offset=99999999
root GET /w/empty?op=GETFILEBLOCKLOCATIONS
root GET /w/none?op=GETFILEBLOCKLOCATIONS
root GET /w/d1?op=GETFILEBLOCKLOCATIONS
root GET /w/big?op=GET_BLOCK_LOCATIONS
root GET /w/empty?op=GET_BLOCK_LOCATIONS
root GET /w/big?op=GET_BLOCK_LOCATIONS&offset=1048577&length=1000
root GET /w/none?op=GET_BLOCK_LOCATIONS
root GET /w/d1?op=GET_BLOCK_LOCATIONS
bob GET /w/mode?op=GETFILEBLOCKLOCATIONS

# appending
root POST> /w/f?op=APPEND | , and more
root POST> /w/f?op=APPEND&buffersize=4096
root POST> /w/none?op=APPEND | x
root POST> /w/d1?op=APPEND | x
bob POST> /w/f?op=APPEND | x
root POST /w/f?op=APPEND&noredirect=true
root POST> /w/empty?op=APPEND | no longer
root GET> /w/f?op=OPEN
root GET> /w/empty?op=OPEN
root PUT> /w/c1?op=CREATE&blocksize=1048576 | {a*1048576}
root PUT> /w/c2?op=CREATE&blocksize=1048576 | {b*1048576}
root PUT> /w/c3?op=CREATE&blocksize=1048576 | ccc
root POST /w/c1?op=CONCAT&sources=/w/c2,/w/c3
root POST /w/c1?op=CONCAT
root POST /w/c1?op=CONCAT&sources=
root POST /w/c1?op=CONCAT&sources=/w/none
root POST /w/c1?op=CONCAT&sources=/w/c1
root POST /w/c1?op=CONCAT&sources=relative
root POST /w/none?op=CONCAT&sources=/w/f
root POST /w/d1?op=CONCAT&sources=/w/f
root GET> /w/c1?op=OPEN&offset=2097150
root POST /w/c1?op=TRUNCATE&newlength=1048576
root POST /w/c1?op=TRUNCATE&newlength=2097152
root POST /w/c1?op=TRUNCATE&newlength=-1
root POST /w/c1?op=TRUNCATE
root POST /w/c1?op=TRUNCATE&newlength=x
root POST /w/none?op=TRUNCATE&newlength=1
root POST /w/d1?op=TRUNCATE&newlength=1
root POST /w/c1?op=TRUNCATE&newlength=0
root GET /w/c1?op=GETFILESTATUS
root POST /w/f
root POST /w/f?op=FOO
root POST /w/f?op=OPEN

# renaming
root PUT /w/f?op=RENAME&destination=/w/g
root PUT /w/f?op=RENAME&destination=/w/g
root PUT /w/g?op=RENAME&destination=/w/d1
root PUT /w/d1/g?op=RENAME&destination=/w/f
root PUT /w/f?op=RENAME
root PUT /w/f?op=RENAME&destination=
root PUT /w/f?op=RENAME&destination=relative
root PUT /w/f?op=RENAME&destination=/nodir/f
root PUT /w/f?op=RENAME&destination=/w/f
root PUT /w/d1?op=RENAME&destination=/w/d1/d2/x
root PUT /w/f?op=RENAME&destination=/w/%20n%2B1
root PUT /w/%20n%2B1?op=RENAME&destination=/w/f
root PUT /w/f?op=RENAME&destination=/w/empty&renameoptions=NONE
root PUT /w/f?op=RENAME&destination=/w/empty&renameoptions=OVERWRITE
root PUT /w/empty?op=RENAME&destination=/w/f&renameoptions=none
root PUT /w/none?op=RENAME&destination=/w/x1&renameoptions=OVERWRITE
root PUT /w/f?op=RENAME&destination=/w/d1&renameoptions=OVERWRITE
root PUT /w/f?op=RENAME&destination=/nodir/f&renameoptions=NONE
root PUT /w/f?op=RENAME&destination=/w/x2&renameoptions=FOO
root PUT /w/f?op=RENAME&destination=/w/x2&renameoptions=OVERWRITE,TO_TRASH
root PUT /w/x2?op=RENAME&destination=/w/f&renameoptions=OVERWRITE
root PUT /w/f?op=RENAME&destination=/w//yy/
root PUT /w/yy?op=RENAME&destination=/w/f
bob PUT /w/f?op=RENAME&destination=/w/x

# attributes
root PUT /w/f?op=SETPERMISSION&permission=640
root PUT /w/f?op=SETPERMISSION
root PUT /w/f?op=SETPERMISSION&permission=9
root PUT /w/none?op=SETPERMISSION&permission=640
bob PUT /w/f?op=SETPERMISSION&permission=777
root GET /w/f?op=GETFILESTATUS
root PUT /w/f?op=SETOWNER&owner=alice&group=staff
root PUT /w/f?op=SETOWNER&owner=alice
root PUT /w/f?op=SETOWNER&group=staff
root PUT /w/f?op=SETOWNER
root PUT /w/f?op=SETOWNER&owner=
root PUT /w/none?op=SETOWNER&owner=x
bob PUT /w/f?op=SETOWNER&owner=bob
root PUT /w/f?op=SETOWNER&owner=1bad!user
root GET /w/f?op=GETFILESTATUS
alice PUT /w/f?op=SETPERMISSION&permission=644
root PUT /w/f?op=SETTIMES&modificationtime=1000000000000&accesstime=1100000000000
root PUT /w/f?op=SETTIMES&modificationtime=1000000000001
root PUT /w/f?op=SETTIMES&accesstime=1100000000001
root PUT /w/f?op=SETTIMES
root PUT /w/f?op=SETTIMES&modificationtime=-2
root PUT /w/f?op=SETTIMES&accesstime=x
root PUT /w/none?op=SETTIMES&modificationtime=1
root GET /w/f?op=GETFILESTATUS
root PUT /w/f?op=SETREPLICATION&replication=2
root PUT /w/f?op=SETREPLICATION
root PUT /w/f?op=SETREPLICATION&replication=null
root PUT /w/f?op=SETREPLICATION&replication=0
root PUT /w/f?op=SETREPLICATION&replication=-3
root PUT /w/f?op=SETREPLICATION&replication=600
root PUT /w/f?op=SETREPLICATION&replication=1
root PUT /w/d1?op=SETREPLICATION&replication=1
root PUT /w/none?op=SETREPLICATION&replication=1
root GET /w/f?op=CHECKACCESS&fsaction=rwx
root GET /w/f?op=CHECKACCESS&fsaction=r--
alice GET /w/f?op=CHECKACCESS&fsaction=rw-
bob GET /w/f?op=CHECKACCESS&fsaction=-w-
bob GET /w/f?op=CHECKACCESS&fsaction=r--
root GET /w/f?op=CHECKACCESS
root GET /w/f?op=CHECKACCESS&fsaction=abc
root GET /w/f?op=CHECKACCESS&fsaction=
root GET /w/none?op=CHECKACCESS&fsaction=r--
bob GET /w/d1?op=CHECKACCESS&fsaction=---

# listings
root PUT /l?op=MKDIRS
root PUT /l/a?op=MKDIRS
root PUT /l/b?op=MKDIRS
root PUT /l/c?op=MKDIRS
root GET /l?op=LISTSTATUS_BATCH
root GET /l?op=LISTSTATUS_BATCH&startafter=a
root GET /l?op=LISTSTATUS_BATCH&startAfter=b
root GET /l?op=LISTSTATUS_BATCH&startafter=zzz
root GET /w/f?op=LISTSTATUS_BATCH
root GET /none?op=LISTSTATUS_BATCH
bob GET /w/p700?op=LISTSTATUS_BATCH
root GET /w?op=GETCONTENTSUMMARY
root GET /w/f?op=GETCONTENTSUMMARY
root GET /none?op=GETCONTENTSUMMARY
bob GET /w?op=GETCONTENTSUMMARY
root GET /w?op=GETQUOTAUSAGE
root GET /w/f?op=GETQUOTAUSAGE
root GET /none?op=GETQUOTAUSAGE
root GET /?op=GETHOMEDIRECTORY
bob GET /?op=GETHOMEDIRECTORY
- GET /any/path?op=GETHOMEDIRECTORY
root GET /?op=GETTRASHROOT
bob GET /w/f?op=GETTRASHROOT
bob GET /none?op=GETTRASHROOT
root GET /?op=GETTRASHROOTS
root GET /?op=GETTRASHROOTS&allusers=true
root GET /?op=GETTRASHROOTS&allusers=x
root PUT /user/root/.Trash/x?op=MKDIRS
root PUT /user/bob/.Trash/x?op=MKDIRS
root GET /?op=GETTRASHROOTS
root GET /?op=GETTRASHROOTS&allusers=true
alice GET /?op=GETTRASHROOTS
root GET /?op=GETSERVERDEFAULTS
root GET /?op=GETSTATUS
root GET /w/f?op=GETFILELINKSTATUS
root GET /none?op=GETFILELINKSTATUS
root GET /w/f?op=GETLINKTARGET
root GET /none?op=GETLINKTARGET
root PUT /w/ln?op=CREATESYMLINK&destination=/w/f
root PUT /w/ln?op=CREATESYMLINK&destination=/w/f&createparent=true
root PUT /w/ln?op=CREATESYMLINK

# quotas
root PUT /l?op=SETQUOTA&namespacequota=10&storagespacequota=1000000
root PUT /l?op=SETQUOTA&namespacequota=10
root PUT /l?op=SETQUOTA&storagespacequota=1073741824
root PUT /l?op=SETQUOTA
root PUT /l?op=SETQUOTA&namespacequota=0
root PUT /l?op=SETQUOTA&namespacequota=-2
root PUT /l?op=SETQUOTA&namespacequota=x
root PUT /none?op=SETQUOTA&namespacequota=10
root PUT /w/f?op=SETQUOTA&namespacequota=10
bob PUT /l?op=SETQUOTA&namespacequota=10
root PUT /l?op=SETQUOTABYSTORAGETYPE&storagespacequota=1048576&storagetype=SSD
root PUT /l?op=SETQUOTABYSTORAGETYPE&storagetype=disk
root PUT /l?op=SETQUOTABYSTORAGETYPE&storagespacequota=10
root PUT /l?op=SETQUOTABYSTORAGETYPE&storagespacequota=10&storagetype=FOO
root PUT /l?op=SETQUOTABYSTORAGETYPE&storagespacequota=10&storagetype=RAM_DISK
root GET /l?op=GETQUOTAUSAGE
root GET /l?op=GETCONTENTSUMMARY
root PUT /l?op=SETQUOTA&namespacequota=4
root PUT /l/d?op=MKDIRS
root PUT /l?op=SETQUOTA&namespacequota=-1&storagespacequota=-1

# ACLs
root GET /w/f?op=GETACLSTATUS
root PUT /w/f?op=MODIFYACLENTRIES&aclspec=user:bob:rw-
root PUT /w/f?op=MODIFYACLENTRIES&aclspec=user:bob:rw-,group:staff:r--
root GET /w/f?op=GETACLSTATUS
root GET /w/f?op=GETFILESTATUS
root PUT /w/f?op=REMOVEACLENTRIES&aclspec=user:bob
root PUT /w/f?op=REMOVEACLENTRIES&aclspec=user:bob:
root GET /w/f?op=GETACLSTATUS
root PUT /w/d1?op=SETACL&aclspec=user::rwx,user:bob:rwx,group::r-x,other::r-x,default:user:bob:rwx
root GET /w/d1?op=GETACLSTATUS
root PUT /w/d1/inherits?op=MKDIRS
root GET /w/d1/inherits?op=GETACLSTATUS
root PUT /w/d1?op=REMOVEDEFAULTACL
root GET /w/d1?op=GETACLSTATUS
root PUT /w/d1?op=REMOVEACL
root GET /w/d1?op=GETACLSTATUS
root PUT /w/f?op=SETACL&aclspec=user:bob:rwx
root PUT /w/f?op=SETACL&aclspec=nonsense
root PUT /w/f?op=SETACL
root PUT /w/f?op=MODIFYACLENTRIES&aclspec=
root PUT /w/f?op=MODIFYACLENTRIES&aclspec=user:bob:rwz
root PUT /w/f?op=MODIFYACLENTRIES&aclspec=user:bob
root PUT /w/f?op=MODIFYACLENTRIES&aclspec=default:user:bob:rwx
root PUT /w/f?op=REMOVEACLENTRIES&aclspec=user:bob:rwx
root PUT /w/f?op=MODIFYACLENTRIES&aclspec=user:bob:
root PUT /none?op=MODIFYACLENTRIES&aclspec=user:bob:rw-
root GET /none?op=GETACLSTATUS
bob PUT /w/f?op=MODIFYACLENTRIES&aclspec=user:bob:rwx
bob GET /w/p700/x?op=GETACLSTATUS
root PUT /none?op=REMOVEACL
root PUT /none?op=REMOVEDEFAULTACL
root PUT /w/p1777?op=MODIFYACLENTRIES&aclspec=user:bob:rw-
root GET /w/p1777?op=GETACLSTATUS

# extended attributes
root PUT /w/f?op=SETXATTR&xattr.name=user.a&xattr.value=%22text%22&flag=CREATE
root PUT /w/f?op=SETXATTR&xattr.name=user.a&xattr.value=%22text%22&flag=CREATE
root PUT /w/f?op=SETXATTR&xattr.name=user.a&xattr.value=0x313233&flag=REPLACE
root PUT /w/f?op=SETXATTR&xattr.name=user.b&xattr.value=0sMTIz&flag=CREATE
root PUT /w/f?op=SETXATTR&xattr.name=user.c&flag=CREATE
root PUT /w/f?op=SETXATTR&xattr.name=user.none&xattr.value=1&flag=REPLACE
root PUT /w/f?op=SETXATTR&xattr.name=user.d&xattr.value=plain&flag=CREATE,REPLACE
root PUT /w/f?op=SETXATTR&xattr.name=user.e&xattr.value=1
root PUT /w/f?op=SETXATTR&xattr.name=user.e&xattr.value=1&flag=FOO
root PUT /w/f?op=SETXATTR&xattr.value=1&flag=CREATE
root PUT /w/f?op=SETXATTR&xattr.name=user.x&flag=CREATE,
root PUT /w/f?op=SETXATTR&xattr.name=user.&flag=CREATE
root PUT /w/f?op=SETXATTR&xattr.name=user.o&xattr.value=0x1&flag=CREATE
root PUT /w/f?op=SETXATTR&xattr.name=user.empty&xattr.value=0x&flag=CREATE
root PUT /w/f?op=SETXATTR&xattr.name=noprefix&xattr.value=1&flag=CREATE
root PUT /w/f?op=SETXATTR&xattr.name=bad.prefix&xattr.value=1&flag=CREATE
root PUT /w/f?op=SETXATTR&xattr.name=trusted.t&xattr.value=0x00ff&flag=CREATE
root PUT /w/f?op=SETXATTR&xattr.name=user.h&xattr.value=0xzz&flag=CREATE
root GET /w/f?op=GETXATTRS
root GET /w/f?op=GETXATTRS&encoding=TEXT
root GET /w/f?op=GETXATTRS&encoding=hex
root GET /w/f?op=GETXATTRS&encoding=base64
root GET /w/f?op=GETXATTRS&encoding=foo
root GET /w/f?op=GETXATTRS&xattr.name=user.a
root GET /w/f?op=GETXATTRS&xattr.name=user.a&xattr.name=user.b&encoding=hex
root GET /w/f?op=GETXATTRS&xattr.name=user.none
root GET /w/f?op=GETXATTRS&xattr.name=
bob GET /w/f?op=GETXATTRS
root GET /w/f?op=LISTXATTRS
root GET /none?op=LISTXATTRS
root GET /none?op=GETXATTRS
root PUT /w/f?op=REMOVEXATTR&xattr.name=user.a
root PUT /w/f?op=REMOVEXATTR&xattr.name=user.a
root PUT /w/f?op=REMOVEXATTR
bob PUT /w/p700?op=SETXATTR&xattr.name=user.a&xattr.value=1&flag=CREATE
root GET /w/f?op=LISTXATTRS

# storage policies
root GET /?op=GETALLSTORAGEPOLICY
root GET /w/f?op=GETSTORAGEPOLICY
root PUT /w/d1?op=SETSTORAGEPOLICY&storagepolicy=COLD
root GET /w/d1?op=GETSTORAGEPOLICY
root POST /w/d1?op=UNSETSTORAGEPOLICY
root GET /w/d1?op=GETSTORAGEPOLICY
root PUT /w/d1?op=SETSTORAGEPOLICY
root PUT /w/d1?op=SETSTORAGEPOLICY&storagepolicy=FOO
root PUT /none?op=SETSTORAGEPOLICY&storagepolicy=HOT
root GET /none?op=GETSTORAGEPOLICY
root POST /none?op=UNSETSTORAGEPOLICY
root PUT /w/d1?op=SATISFYSTORAGEPOLICY

# snapshots
root PUT /s?op=MKDIRS
root PUT> /s/f?op=CREATE | one
root PUT /s?op=CREATESNAPSHOT&snapshotname=s0
root PUT /s?op=ALLOWSNAPSHOT
root PUT /s?op=ALLOWSNAPSHOT
root PUT /none?op=ALLOWSNAPSHOT
bob PUT /s?op=ALLOWSNAPSHOT
root GET /?op=GETSNAPSHOTTABLEDIRECTORYLIST
root PUT /s?op=CREATESNAPSHOT&snapshotname=s1
root PUT /s?op=CREATESNAPSHOT&snapshotname=s1
root PUT /s?op=CREATESNAPSHOT&snapshotname=a/b
bob PUT /s?op=CREATESNAPSHOT&snapshotname=s9
root PUT> /s/g?op=CREATE | two
root DELETE /s/f?op=DELETE
root PUT /s/sub?op=MKDIRS
root PUT /s?op=CREATESNAPSHOT&snapshotname=s2
root GET /s?op=GETSNAPSHOTLIST
root GET /none?op=GETSNAPSHOTLIST
root GET /w?op=GETSNAPSHOTLIST
root GET /s?op=GETSNAPSHOTDIFF&oldsnapshotname=s1&snapshotname=s2
root GET /s?op=GETSNAPSHOTDIFF&oldsnapshotname=s1
root GET /s?op=GETSNAPSHOTDIFF&oldsnapshotname=none&snapshotname=s2
root GET /s?op=GETSNAPSHOTDIFF
root GET /none?op=GETSNAPSHOTDIFF&oldsnapshotname=s1&snapshotname=s2
root GET /s?op=GETSNAPSHOTDIFFLISTING&oldsnapshotname=s1&snapshotname=s2
root GET /s?op=GETSNAPSHOTDIFFLISTING&oldsnapshotname=s1&snapshotname=s2&snapshotdiffstartpath=&snapshotdiffindex=-1
root GET> /s/.snapshot/s1/f?op=OPEN
root GET /s/.snapshot/s1?op=LISTSTATUS
root GET /s/.snapshot?op=LISTSTATUS
root PUT> /s/.snapshot/s1/x?op=CREATE | x
root PUT /s/.snapshot/s1/d?op=MKDIRS
root PUT /s?op=RENAMESNAPSHOT&oldsnapshotname=s2&snapshotname=s3
root PUT /s?op=RENAMESNAPSHOT&oldsnapshotname=none&snapshotname=s4
root PUT /s?op=RENAMESNAPSHOT&snapshotname=s4
root PUT /s?op=RENAMESNAPSHOT
root GET /s?op=GETCONTENTSUMMARY
root DELETE /s?op=DELETE&recursive=true
root PUT /s?op=DISALLOWSNAPSHOT
root DELETE /s?op=DELETESNAPSHOT&snapshotname=s3
root DELETE /s?op=DELETESNAPSHOT&snapshotname=none
root DELETE /s?op=DELETESNAPSHOT
root DELETE /s?op=DELETESNAPSHOT&snapshotname=s1
root PUT /s?op=DISALLOWSNAPSHOT
root PUT /s?op=DISALLOWSNAPSHOT
root PUT /none?op=DISALLOWSNAPSHOT

# erasure coding
root GET /?op=GETECPOLICIES
root GET /?op=GETECCODECS
root GET /w/d1?op=GETECPOLICY
root GET /none?op=GETECPOLICY
root PUT /?op=ENABLEECPOLICY&ecpolicy=XOR-2-1-1024k
root PUT /?op=ENABLEECPOLICY&ecpolicy=FOO
root PUT /?op=ENABLEECPOLICY
bob PUT /?op=ENABLEECPOLICY&ecpolicy=RS-3-2-1024k
root PUT /e?op=MKDIRS
root PUT /e?op=SETECPOLICY&ecpolicy=XOR-2-1-1024k
root PUT /e?op=SETECPOLICY&ecpolicy=RS-10-4-1024k
root PUT /e?op=SETECPOLICY&ecpolicy=FOO
root PUT /e?op=SETECPOLICY
root PUT /none?op=SETECPOLICY&ecpolicy=XOR-2-1-1024k
root GET /e?op=GETECPOLICY
root GET /e?op=GETFILESTATUS
root POST /e?op=UNSETECPOLICY
root POST /e?op=UNSETECPOLICY
root POST /none?op=UNSETECPOLICY
root GET /e?op=GETECPOLICY
root PUT /?op=DISABLEECPOLICY&ecpolicy=XOR-2-1-1024k
root PUT /?op=DISABLEECPOLICY&ecpolicy=FOO

# delegation tokens, without security
root GET /?op=GETDELEGATIONTOKEN
root GET /?op=GETDELEGATIONTOKEN&renewer=root
root GET /?op=GETDELEGATIONTOKEN&delegation=abc
root PUT /?op=RENEWDELEGATIONTOKEN
root PUT /?op=RENEWDELEGATIONTOKEN&token=nonsense
root PUT /?op=CANCELDELEGATIONTOKEN
root PUT /?op=CANCELDELEGATIONTOKEN&token=nonsense

# who asks
root GET /?op=GETHOMEDIRECTORY&doas=bob
bob GET /?op=GETHOMEDIRECTORY&doas=root
root GET /w/p700?op=LISTSTATUS&doas=bob
root GET /?op=GETHOMEDIRECTORY&doas=
root PUT /w/doas?op=CREATE&doas=bob
root PUT> /w/p1777/doas?op=CREATE&doas=bob | x
root GET /w/p1777?op=LISTSTATUS
- GET /?op=GETHOMEDIRECTORY&user.name=
- GET /?op=GETHOMEDIRECTORY&user.name=bad!name
- GET /?op=GETHOMEDIRECTORY&user.name=1abc
- GET /?op=GETHOMEDIRECTORY&user.name=a.b-c_d$
- GET /?op=GETHOMEDIRECTORY&USER.NAME=bob
- GET /?op=GETHOMEDIRECTORY&user.name=bob&user.name=root

# removing
root DELETE /w/f?op=DELETE
root DELETE /w/f?op=DELETE
root DELETE /w/d1?op=DELETE
root DELETE /w/d1?op=DELETE&recursive=true
root DELETE /w?op=DELETE&recursive=false
root DELETE /w?op=DELETE&recursive=maybe
root DELETE /?op=DELETE&recursive=true
bob DELETE /w?op=DELETE&recursive=true
root DELETE /w/none?op=DELETE
root DELETE /w/f
root DELETE /w/f?op=MKDIRS

# what makes no sense
root GET /w
root GET /w?op=
root GET /w?op=NULL
root GET /w?op=MKDIRS
root GET /w?op=FOO
root PUT /w
root PUT /w?op=GETFILESTATUS
root PUT /w?op=FOO
root HEAD /w?op=GETFILESTATUS
root HEAD /none?op=GETFILESTATUS
root PATCH /w?op=GETFILESTATUS
root POST /w?op=DELETE
root GET /w?op=GETFILESTATUS&op=LISTSTATUS
root GET /w?op=GETFILESTATUS&unknown=1&&=2&x
root GET /w?op=GETFILE%53TATUS
root GET /w?op=GETFILESTATUS%20
root GET /w/%00x?op=GETFILESTATUS
root PUT /w/nul%00x?op=MKDIRS
root GET /w/%zz?op=GETFILESTATUS
root GET /{x*256}?op=GETFILESTATUS
root PUT /{y*256}?op=MKDIRS
root PUT /{a/*4100}?op=MKDIRS
root PUT /{a/*1001}b?op=MKDIRS
root GET /{a/*4100}?op=GETFILESTATUS
root PUT /w/x?op=RENAME&destination=/{a/*4100}
root GET /.reserved?op=LISTSTATUS
root GET /.reserved/.inodes/16385?op=GETFILESTATUS
root GET /.reserved/.inodes/1?op=GETFILESTATUS
root PUT /.reserved/x?op=MKDIRS
root GET /.reserved/raw/w?op=GETFILESTATUS
root GET /.reserved/raw/w/big?op=GETXATTRS
"""

# Straight to the datanode's port: what a client does that kept a Location, or made one up.
DATANODE = r"""
root PUT /w/dn1?op=CREATE&namenoderpcaddress=NN | straight
root PUT /w/dn1?op=CREATE&namenoderpcaddress=NN&overwrite=true | straight again
root PUT /w/dn1?op=CREATE&namenoderpcaddress=NN | there
root PUT /w/dn2?op=CREATE&namenoderpcaddress=NN&permission=9 | x
root PUT /w/dn2?op=CREATE&namenoderpcaddress=NN&blocksize=x | x
root PUT /w/dn2?op=CREATE&namenoderpcaddress=NN&createflag=FOO | x
root GET /w/dn1?op=OPEN&namenoderpcaddress=NN
root GET /w/dn1?op=OPEN&namenoderpcaddress=NN&offset=3&length=4
root GET /w/dn1?op=OPEN&namenoderpcaddress=NN&offset=14
root GET /w/dn1?op=OPEN&namenoderpcaddress=NN&offset=15
root GET /w/dn1?op=OPEN&namenoderpcaddress=NN&offset=-1
root GET /w/dn1?op=OPEN&namenoderpcaddress=NN&offset=x
root GET /w/dn1?op=OPEN&namenoderpcaddress=NN&length=-1
root GET /w/dn1?op=OPEN&namenoderpcaddress=NN&length=x
root GET /w/none?op=OPEN&namenoderpcaddress=NN
root GET /w?op=OPEN&namenoderpcaddress=NN
bob GET /w/mode?op=OPEN&namenoderpcaddress=NN
root GET /w/dn1?op=OPEN
root GET /w/dn1?op=GETFILECHECKSUM&namenoderpcaddress=NN
root POST /w/dn1?op=APPEND&namenoderpcaddress=NN | , more
root POST /w/none?op=APPEND&namenoderpcaddress=NN | x
root GET /w/dn1?op=OPEN&namenoderpcaddress=NN
root GET /w/dn1?op=LISTSTATUS&namenoderpcaddress=NN
root GET /w/dn1?op=FOO&namenoderpcaddress=NN
root GET /w/dn1?namenoderpcaddress=NN
root POST /w/dn1?op=CREATE&namenoderpcaddress=NN | x
root PUT /w/dn1?op=APPEND&namenoderpcaddress=NN | x
root GET /w/dn1?op=CREATE&namenoderpcaddress=NN
root OPTIONS /w/dn1?op=CREATE&namenoderpcaddress=NN
root OPTIONS /w/dn1?op=OPEN&namenoderpcaddress=NN
root DELETE /w/dn1?op=DELETE&namenoderpcaddress=NN
root HEAD /w/dn1?op=OPEN&namenoderpcaddress=NN
- GET /w/mode?op=OPEN&namenoderpcaddress=NN
- GET /w/dn1?op=OPEN&namenoderpcaddress=NN&user.name=bad!name
root GET /w/dn1?OP=OPEN&namenoderpcaddress=NN
root GET /w/dn1?op=open&namenoderpcaddress=NN
root GET /w/dn1?op=OPEN&namenoderpcaddress=NN&offset=null
root GET /w/dn1?op=OPEN&namenoderpcaddress=NN&user.name=
root GET /w/dn1?op=OPEN&namenoderpcaddress=NN&doas=
bob GET /w/dn1?op=OPEN&namenoderpcaddress=NN&doas=root
root GET /w/mode?op=OPEN&namenoderpcaddress=NN&doas=bob
root GET /w/dn1?op=OPEN&namenoderpcaddress=
root GET /w/dn1?op=OPEN&namenoderpcaddress=nohost.invalid:1
root GET /w/%zz?op=OPEN&namenoderpcaddress=NN
"""

HEADERS = ("location", "allow", "access-control-allow-origin", "access-control-allow-methods", "access-control-allow-headers",
           "access-control-max-age", "content-type", "content-length", "x-frame-options", "x-content-type-options", "x-xss-protection")


# What a namenode adds to every answer.
USUAL = {"x-frame-options": "SAMEORIGIN", "x-content-type-options": "nosniff", "x-xss-protection": "1; mode=block"}


def lines(text):
    return [l for l in text.strip().split("\n") if l and not l.startswith("#")]


def blow_up(text):
    return re.sub(r"\{(.+?)\*(\d+)\}", lambda m: m.group(1) * int(m.group(2)), text)


class Store:
    """A namenode's web port, its RPC address and one datanode's web port, as host:port each."""

    def __init__(self, web, rpc, dn):
        self.web, self.rpc, self.dn = web, rpc, dn

    def ask(self, where, method, target, body):
        c = http.client.HTTPConnection(where, timeout=60)
        try:
            c.putrequest(method, target, skip_accept_encoding=True)
            if body is not None or method in ("PUT", "POST"):
                c.putheader("Content-Length", str(len(body or b"")))
            c.endheaders(body or None)
            r = c.getresponse()
            return r.status, {k.lower(): v for k, v in r.getheaders()}, r.read()
        except (http.client.HTTPException, OSError) as e:
            return 0, {}, ("no answer: " + type(e).__name__).encode()
        finally:
            c.close()

    def plain(self, text):
        """Without what differs from one cluster to the next."""
        names = [self.dn]
        names += ["%s:%s" % (h, self.dn.split(":")[1]) for h in ("localhost", "127.0.0.1", os.uname().nodename)]
        for n in names:
            text = text.replace(n, "DN")
        return text.replace(self.rpc, "NN").replace(self.web, "WEB")

    def answer(self, got):
        status, headers, body = got
        out = {"status": status}
        kept = {k: self.plain(v) for k, v in headers.items() if k in HEADERS}
        if "location" in kept:
            kept["location"] = sorted_query(kept["location"])
        json_ = kept.get("content-type", "").startswith("application/json")
        if json_ or status >= 400:
            kept.pop("content-length", None)  # Hadoop sends these chunked, and an answer's ids have no fixed length
        if kept.get("content-type", "").startswith("text/html"):
            kept = {}  # Java's web server speaks for itself there, and only the status means something
        if all(kept.get(k) == v for k, v in USUAL.items()):
            kept = {k: v for k, v in kept.items() if k not in USUAL}
            out["usual"] = True
        out["headers"] = kept
        if json_ and body:
            try:
                out["json"] = self.tidy(json.loads(body.decode("utf-8", "replace")), "")
            except ValueError:
                out["body"] = body.decode("utf-8", "replace")[:200]
        elif body and status < 400:
            out["body"] = body.decode("utf-8", "replace")
        return out

    def tidy(self, v, key):
        if isinstance(v, dict):
            return {k: self.tidy(x, k) for k, x in v.items()}
        if isinstance(v, list):
            v = [self.tidy(x, key) for x in v]
            by = {"XAttrs": "name", "Paths": "path"}.get(key)  # Hadoop's order is a hash table's
            return sorted(v, key=lambda x: x[by]) if by and all(isinstance(x, dict) and by in x for x in v) else v
        if key == "XAttrNames":
            return sorted(json.loads(v))
        if isinstance(v, (int, float)) and not isinstance(v, bool):
            if key in ("fileId", "blockId", "generationStamp", "capacity", "used", "remaining", "dfsUsed", "blockPoolUsed", "lastUpdate",
                       "lastBlockReportTime", "lastUpdateMonotonic", "lastBlockReportMonotonic", "cacheCapacity", "cacheUsed",
                       "nonDfsUsed", "dirId", "xceiverCount", "infoPort", "infoSecurePort", "ipcPort", "xferPort", "snapshotID", "keyId"):
                return key if v > 20 or key != "fileId" else v
            if abs(v - time.time() * 1000) < 3600e3:
                return "now"
            return v
        if isinstance(v, str):
            if key in ("name", "storageID", "blockPoolId", "ipAddr", "hostName", "urlString", "token", "networkLocation", "cachedHosts", "hosts",
                       "names", "topologyPaths", "storageIds"):
                return key if v and not (key == "name" and re.match(r"[A-Za-z_]+(-|$)|[a-z]+\.", v)) else v
            if key == "Location":
                return sorted_query(self.plain(v))
            return tidy_message(self.plain(v))
        return v


def tidy_message(s):
    s = s.split("\n\tat ")[0][:900]  # without Java's stack
    s = re.sub(r"127\.0\.0\.\d+(:\d+)?", "IP", s)
    s = re.sub(r"BP-[0-9]+-[0-9.]+-[0-9]+", "BP", s)
    s = re.sub(r"blk_-?\d+(_\d+)?", "BLK", s)
    s = re.sub(r"DFSClient_[A-Z]+_\S+", "CLIENT", s)
    s = re.sub(r"DatanodeInfoWithStorage\[[^]]*\]", "STORAGE", s)
    return s


def sorted_query(url):
    base, _, query = url.partition("?")
    return base + "?" + "&".join(sorted(query.split("&")))


def send(store, where, line):
    """What the line's request is answered, and with > also what the place that it redirects to answers."""
    head, _, body = line.partition(" | ")
    user, method, target = head.split(" ")
    follow, method = method.endswith(">"), method.rstrip(">")
    target = blow_up(target).replace("NN", store.rpc).replace("=DN", "=" + store.dn)
    if user != "-":
        target += ("&" if "?" in target else "?") + "user.name=" + user
    body = blow_up(body).encode() if body else None
    got = store.ask(where, method, "/webhdfs/v1" + target, None if follow else body)
    out = [store.answer(got)]
    if follow and got[0] == 307:
        at = urllib.parse.urlsplit(got[1]["location"])
        out.append(store.answer(store.ask(at.netloc, method, at.path + "?" + at.query, body)))
    return out


def run(store):
    """Every request of both tables, in order: (line, answers) each."""
    for line in lines(CASES):
        yield line, send(store, store.web, line)
    for line in lines(DATANODE):
        yield "dn " + line, send(store, store.dn, line)


# Where ours differs, and means to.
DIFFERENT = {
    "dn root GET /w/%zz?op=OPEN&namenoderpcaddress=NN": "Hadoop's text quotes the whole request",
}


# Requests that show a feature of the namenode's without being about it.
SHOWS = {"root GET /?op=GETFILESTATUS": "snapshots", "- GET /?op=GETFILESTATUS": "snapshots",
         "root GET /.reserved/.inodes/16385?op=GETFILESTATUS": "snapshots"}
PROBES = {"snapshots": "root PUT /s?op=ALLOWSNAPSHOT", "erasure coding": "root PUT /e?op=SETECPOLICY&ecpolicy=XOR-2-1-1024k"}


def feature_of(line):
    """The feature that a request needs: that of its section, when it has a probe."""
    section, here = None, SHOWS.get(line)
    for l in CASES.split("\n"):
        section = l[2:] if l.startswith("# ") else section
        if l == line and section in PROBES and not here:
            here = section
    return here


def missing_features(answers):
    """Those whose probe was answered that there is no such method."""
    return {f for f, probe in PROBES.items() if "RpcNoSuchMethodException" in json.dumps(dict(answers)[probe])}


def compare(line, want, got, missing):
    """Prints PASS, FAIL, or SKIP for a feature in @missing; 1 when the answers differ."""
    name = line if len(line) < 200 else line[:200] + "..."
    for i, a in enumerate(want[:len(got)]):
        if a == {"status": a["status"], "headers": {}}:  # Java's web server spoke for itself
            got[i] = a if a["status"] == got[i]["status"] else got[i]
    if want == got:
        print("PASS " + name)
        return 0
    if line in DIFFERENT and [a["status"] for a in want] == [a["status"] for a in got]:
        print("PASS %s (%s)" % (name, DIFFERENT[line]))
        return 0
    if feature_of(line) in missing:
        print("SKIP %s: the namenode has no %s yet" % (name, feature_of(line)))
        return 0
    print("FAIL %s\n  Hadoop: %s\n  ours:   %s" % (name, short(want, got), short(got, want)))
    return 1


def short(these, others):
    return json.dumps([a for i, a in enumerate(these) if i >= len(others) or a != others[i]], ensure_ascii=False)[:700]


def start_cluster(where, *more):
    r = subprocess.run([ROOT + "/tools/cluster", "start", where, "--datanodes", "1", "--no-jobs",
                        "-D", "dfs.namenode.fs-limits.min-block-size=16"] + ALLOW + list(more),
                       stdout=subprocess.PIPE, text=True, check=True)
    vars_ = dict(l.split("=", 1) for l in r.stdout.split())
    argv = json.load(open(where + "/cluster.json"))["daemons"]["datanode0"]["argv"]
    dn = [a.split("=")[1] for a in argv if a.startswith("dfs.datanode.http.address=")][0]
    return Store(vars_["WEBHDFS"].split("//")[1], vars_["FS_URI"].split("//")[1], dn)


def start_hadoop(where):
    """A real Hadoop, of a namenode and a datanode."""
    low, high = map(int, os.environ.get("ASHLAR_PORTS", "10000-31999").split("-"))
    port = random.randint(low, high - 200)
    try:
        subprocess.run([PEERS + "/hadoop-cluster", "start", where, "--port", str(port), "--datanodes", "1", "--replication", "1",
                        "--nn-heap", "512m", "--dn-heap", "384m"] + ALLOW, check=True, stdout=subprocess.DEVNULL)
    except subprocess.CalledProcessError:
        stop_hadoop(where)
        raise
    return Store("127.0.0.1:%d" % (port + 70), "127.0.0.1:%d" % (port + 20), "localhost:%d" % (port + 101))


def stop_hadoop(where):
    if os.path.exists(where + "/opts.json"):
        subprocess.run([PEERS + "/hadoop-cluster", "stop", where], stdout=subprocess.DEVNULL)


def stop_cluster(where):
    if os.path.exists(where + "/cluster.json"):
        subprocess.run([ROOT + "/tools/cluster", "stop", where], stdout=subprocess.DEVNULL)
