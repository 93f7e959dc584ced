package directory

const formatKind = "format"
