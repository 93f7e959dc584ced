package etcd

func (s *Store) upkeep() { <-s.life.Done() }
