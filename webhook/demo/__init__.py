"""`propylon demo`: documents, objects and manifests as files; the scenes; who plays which part.

The server is the real one, in a process of its own. Played are only the API server and kubectl.
"""
