"""The GraphQL side of the simulated GitHub: our part of its schema, its search, its costs and its errors.

A request is parsed and validated once per text, priced by GitHub's rule before it runs (:mod:`.cost`), paid from the
token's points, and executed by graphql-core over views of the forge's records (:mod:`.query` is the root). Search sees
the forge through an index that may lag behind (:mod:`.search_index`); everything else sees it as it is.
"""

from tide.sandbox.graphql.endpoint import routes
from tide.sandbox.graphql.search_index import SearchIndex

__all__ = ["SearchIndex", "routes"]
